"""Many items: listings, writes in batches, changes since the last run."""
