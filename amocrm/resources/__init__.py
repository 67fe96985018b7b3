"""The resources of the API, one file per domain: each class is one row of the reference's table."""
