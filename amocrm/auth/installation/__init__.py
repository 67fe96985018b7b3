"""Installations of a public integration in many accounts."""
