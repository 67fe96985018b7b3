"""Addresses of the Files service, who may call them, and who answers (reference 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule

from amocrm.sandbox.data.state import Account, Ids
from amocrm.sandbox.drive import files, uploads
from amocrm.sandbox.drive.call import DriveCall
from amocrm.sandbox.http.answer import Answer
from amocrm.sandbox.http.problem import ProblemError, not_found, unauthorized
from amocrm.sandbox.http.request import IncomingRequest
from amocrm.sandbox.oauth.tokens import TokenRegistry

PREFIXES = ("/v1.0/", "/download/")
"""What the paths of the service begin with."""

_TABLE: tuple[tuple[str, str, Callable[..., Answer], str], ...] = (
    ("POST", "/v1.0/sessions", uploads.open_session, "files"),
    ("POST", "/v1.0/sessions/upload/<token>", uploads.take_part, "files"),
    ("GET", "/v1.0/files", files.list_files, "files"),
    ("DELETE", "/v1.0/files", files.delete_files, "files_delete"),
    ("POST", "/v1.0/files/restore", files.restore_files, "files_delete"),
    ("GET", "/v1.0/files/<uuid>", files.get_file, "files"),
    ("PATCH", "/v1.0/files/<uuid>", files.patch_file, "files"),
    ("GET", "/v1.0/files/<uuid>/versions", files.list_versions, "files"),
    ("GET", "/download/<account>/<uuid>/<name>", files.download, ""),
    ("GET", "/download/<account>/<uuid>/<version>/<name>", files.download, ""),
)


class _Target(NamedTuple):
    handler: Callable[..., Answer]
    scope: str


_MAP = Map(
    [
        Rule(path, methods=[method], endpoint=_Target(handler, scope))
        for method, path, handler, scope in _TABLE
    ],
    strict_slashes=False,
    redirect_defaults=False,
    merge_slashes=False,
)


def answer(
    request: IncomingRequest,
    accounts: Iterable[Account],
    tokens: TokenRegistry,
    ids: Ids,
    now: float,
) -> Answer:
    """Answer a request to the service; refusals are plain JSON, too (reference 3.2)."""
    try:
        return _dispatch(request, accounts, tokens, ids, now)
    except ProblemError as refusal:
        return replace(refusal.answer(), headers=(("Content-Type", "application/json"),))


def _dispatch(
    request: IncomingRequest,
    accounts: Iterable[Account],
    tokens: TokenRegistry,
    ids: Ids,
    now: float,
) -> Answer:
    target, arguments = _match(request)
    for account in accounts:
        account.drive.forget_old(int(now))
        if not target.scope and account.uuid == arguments["account"]:
            rest = {name: text for name, text in arguments.items() if name != "account"}
            return files.download(account.drive, **rest)
        grant = tokens.who(request.bearer(), account, now) if target.scope else None
        if grant is not None:
            if not account.is_paid:
                raise ProblemError(402, "Payment required")
            if not {"files", target.scope} <= set(grant.scopes):
                raise ProblemError(403, "Invalid scope")  # reference 7, 3.3
            call = DriveCall(request, account, grant.user_id, int(now), ids, tokens.sign_token)
            return target.handler(call, **arguments)
    raise unauthorized() if target.scope else not_found(request.method, request.url)


def _match(request: IncomingRequest) -> tuple[_Target, Mapping[str, str]]:
    if request.method == "HEAD":
        raise ProblemError(405, "Method Not Allowed")
    try:
        return _MAP.bind("drive").match(request.path, method=request.method)
    except MethodNotAllowed:
        raise ProblemError(405, "Method Not Allowed") from None
    except NotFound:
        raise not_found(request.method, request.url) from None
