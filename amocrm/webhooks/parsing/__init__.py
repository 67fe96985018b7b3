"""Reads the bodies of webhooks."""
