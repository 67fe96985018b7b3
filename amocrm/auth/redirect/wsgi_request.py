"""The parameters of a call that came in, whatever a server hands over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

from amocrm.auth.redirect.query import read_query
from amocrm.errors import StateMismatchError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def read_request(environ: WSGIEnvironment) -> tuple[Request, dict[str, str]] | None:
    """Return a call and its parameters; None for what no browser and no server of amoCRM sends.

    That is what is no UTF-8, endless, or ambiguous. It must end here: werkzeug reads a request
    lazily, and raises wherever its bytes are first looked at.
    """
    try:
        request = Request(environ)
        # Read here, so that whatever is wrong with them is wrong now.
        _ = request.path, request.cookies
        query = read_query(request.query_string.decode())
    except (UnicodeError, ValueError, HTTPException, StateMismatchError):
        return None
    return request, {name: str(value) for name, value in query.items()}
