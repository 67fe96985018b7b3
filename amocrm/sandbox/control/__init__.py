"""The HTTP control of a sandbox, below `/_sandbox/`: what a person or a test does without the API.

`actions.ACTIONS` is the table of all of it; `dispatch.handle` answers a request.
"""
