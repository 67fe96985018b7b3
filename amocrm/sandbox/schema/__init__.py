"""The definitions of an account as one document: its members, its references, loading it."""
