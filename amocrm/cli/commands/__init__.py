"""The commands, a module each or a few; `amocrm.cli.command_table` lists them."""
