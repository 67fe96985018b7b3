"""The definitions of an account as a schema document, and what has changed in them since."""
