"""How the sandbox lists, validates, writes and shows entities."""
