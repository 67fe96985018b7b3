"""The definitions of the mirror's tables, as data; see `amocrm.mirror.tables.definitions`."""
