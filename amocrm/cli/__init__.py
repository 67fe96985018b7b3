"""The command line: `amocrm`."""
