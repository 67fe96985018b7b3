"""A year of plausible data: `portal.populate()`."""
