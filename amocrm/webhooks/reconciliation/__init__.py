"""Finds what amoCRM has never sent."""
