"""One module per resource of the API, each with its entries of the table."""
