"""Requests, responses and hosts of the sandbox."""
