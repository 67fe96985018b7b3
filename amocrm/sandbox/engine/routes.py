"""Addresses of the API and who answers them; a wrong method is 405, a wrong path 404."""

from __future__ import annotations

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule

from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.table import TABLE
from amocrm.sandbox.engine.verbs import routes
from amocrm.sandbox.entities.bots import run_old
from amocrm.sandbox.http.answer import Answer
from amocrm.sandbox.http.problem import ProblemError, not_found

OLD_RUN = "/api/v2/salesbot/run"
"""The one older address that is served: amoCRM has no other to start a bot (reference 4.31)."""

_MAP = Map(
    [
        Rule(path, methods=[method], endpoint=handler)
        for entry in TABLE
        for method, path, handler in routes(entry)
    ],
    strict_slashes=False,
    redirect_defaults=False,
    merge_slashes=False,
)


def dispatch(call: Call) -> Answer:
    """Let the right handler answer a call.

    Raises:
        ProblemError: 404 and 405 (reference 3.3), or whatever the handler refuses.
    """
    if call.request.method == "HEAD":
        # werkzeug would let it pass as a GET; the reference knows no HEAD.
        raise ProblemError(405, "Method Not Allowed")
    if call.request.path.rstrip("/") == OLD_RUN:
        return _old_run(call)
    path = call.request.path.removeprefix("/api/v4")
    try:
        handler, arguments = _MAP.bind("portal").match(path, method=call.request.method)
    except MethodNotAllowed:
        raise ProblemError(405, "Method Not Allowed") from None
    except NotFound:
        raise not_found(call.request.method, call.request.url) from None
    answer: Answer = handler(call, **arguments)
    return answer


def _old_run(call: Call) -> Answer:
    if call.request.method != "POST":
        raise ProblemError(405, "Method Not Allowed")
    return run_old(call)
