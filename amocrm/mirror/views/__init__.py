"""The SQL of views over the tables of a mirror; see `amocrm.mirror.sql.viewing`."""
