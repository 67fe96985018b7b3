"""Reads one WSGI request from outside: the request, and its query parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

from amocrm.auth.redirect.query import read_query
from amocrm.errors import StateMismatchError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def read_request(environ: WSGIEnvironment) -> tuple[Request, dict[str, str]] | None:
    """Return a request and its parameters; None if no browser and no server of amoCRM sends it.

    Such a request is not UTF-8, too long, or ambiguous. It must be refused here: werkzeug parses a
    request lazily, and raises where its parts are first used.
    """
    try:
        request = Request(environ)
        # Used here, so that a malformed part raises here.
        _ = request.path, request.cookies
        query = read_query(request.query_string.decode())
    except (UnicodeError, ValueError, HTTPException, StateMismatchError):
        return None
    return request, {name: str(value) for name, value in query.items()}
