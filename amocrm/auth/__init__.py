"""Gets an OAuth 2 token, stores it and refreshes it."""
