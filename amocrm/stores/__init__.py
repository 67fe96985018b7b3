"""Places for tokens; `store` has the protocol, and each store a module of its own."""
