"""The thinking half: pure functions and frozen values.

Nothing here opens a socket or a file, reads a clock, draws a random number or starts a thread;
`tests/test_architecture.py` forbids the imports.
"""
