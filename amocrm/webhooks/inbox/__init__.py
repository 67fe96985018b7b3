"""Stores deliveries before they are answered, and gives them to workers afterwards."""
