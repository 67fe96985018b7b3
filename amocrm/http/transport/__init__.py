"""The only importer of `requests`."""
