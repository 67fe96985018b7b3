"""Getting an OAuth 2 token, keeping it, and renewing it."""
