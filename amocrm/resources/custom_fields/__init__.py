"""Custom fields over plain entities: read and written by name, in Python's values.

Pure: the definitions come from the caller, and so does the account's time zone.
"""
