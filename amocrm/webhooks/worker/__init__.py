"""Handles what is in an inbox."""
