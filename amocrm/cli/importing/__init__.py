"""Reads rows of a file and writes them to an account: `amocrm import`."""
