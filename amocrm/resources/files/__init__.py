"""Files: their host, uploads, downloads."""
