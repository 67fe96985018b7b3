"""The redirect server: starts when a person has to agree, takes the code, and is gone."""
