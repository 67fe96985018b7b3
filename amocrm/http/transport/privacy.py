"""What is kept of a request when its call is over: where it went, and nothing that opens a door.

An answer holds its request, and so does an exception of `requests`; both are pickled, cached and
sent to error trackers.
"""

from __future__ import annotations

from typing import Final

import requests

from amocrm.http.messages import Call
from amocrm.http.transport.sending import Sending

_SECRET: Final = frozenset({"authorization", "proxy-authorization", "x-refresh-token"})


def strip(request: requests.PreparedRequest, call: Call) -> None:
    """Take the token from a request; from one that carries a secret of the integration, the body.

    Its hooks go, too: the first of them holds the answer.
    """
    for name in [name for name in request.headers if name.lower() in _SECRET]:
        del request.headers[name]
    request.hooks = {"response": []}
    if call.private:
        request.body = None
    elif isinstance(request.body, Sending):
        request.body = call.body


def forget(info: requests.Response, call: Call) -> None:
    """Strip the requests that an answer holds, where an adapter or a hook has made others.

    What `requests` made to follow a redirect goes as a whole: nobody follows it.
    """
    for one in (info, *info.history):
        if one.request is not None:
            strip(one.request, call)
    if info.next is not None:
        vars(info)["_next"] = None
