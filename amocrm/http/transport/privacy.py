"""Removes tokens and secrets from requests after a call.

A `requests.Response` refers to its request, and so does an exception of `requests`. Programs pickle
and cache them, and error trackers receive them.
"""

from __future__ import annotations

from typing import Final

import requests

from amocrm.http.messages import Call
from amocrm.http.transport.sending import Sending

_SECRET: Final = frozenset({"authorization", "proxy-authorization", "x-refresh-token"})


def strip(request: requests.PreparedRequest, call: Call) -> None:
    """Remove the token and the hooks from a request, and the body if it contains a secret.

    The first hook refers to the response.
    """
    for name in [name for name in request.headers if name.lower() in _SECRET]:
        del request.headers[name]
    request.hooks = {"response": []}
    if call.private:
        request.body = None
    elif isinstance(request.body, Sending):
        request.body = call.body


def strip_response(info: requests.Response, call: Call) -> None:
    """Strip the requests that a response refers to, if an adapter or a hook has created others.

    The request that `requests` prepares for a redirect is dropped; it is never sent.
    """
    for response in (info, *info.history):
        if response.request is not None:
            strip(response.request, call)
    if info.next is not None:
        vars(info)["_next"] = None
