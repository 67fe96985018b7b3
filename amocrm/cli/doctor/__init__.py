"""What `amocrm doctor` looks at, each by a small function that returns a `Finding`.

Findings are fit for a support ticket: no secret, no name and no e-mail of a person is in them.
"""
