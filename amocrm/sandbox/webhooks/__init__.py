"""Webhooks that the sandbox sends (reference 2.12, 6, 8.3, 9)."""
