"""Installs a public integration in many accounts."""
