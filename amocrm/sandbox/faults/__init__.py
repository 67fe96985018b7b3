"""Fault injection: what goes wrong with a request, by chance or on request."""
