"""The redirect server: starts when a person has to agree, and stops after one code."""
