"""Where the journal of an import is stored."""
