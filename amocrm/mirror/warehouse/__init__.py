"""The mirror in a warehouse, as tables of Apache Arrow; see `amocrm.mirror.dlt`."""
