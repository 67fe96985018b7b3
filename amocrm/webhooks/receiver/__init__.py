"""Receives webhooks: verifies, stores, and answers."""
