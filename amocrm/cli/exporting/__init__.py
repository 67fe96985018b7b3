"""Reads entities of an account and writes them to a file: `amocrm export`."""
