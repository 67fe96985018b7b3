"""The mirror in a database: SQLite, PostgreSQL, MySQL, MariaDB; see `amocrm.mirror.sql.sink`."""
