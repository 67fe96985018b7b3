"""The mirror: an account in a database that people already use."""
