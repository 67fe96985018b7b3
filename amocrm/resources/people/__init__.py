"""Contacts and companies, found by phone or e-mail."""
