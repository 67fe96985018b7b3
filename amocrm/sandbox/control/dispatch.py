"""Answers requests below `/_sandbox/`, past the log, the rate limiter and the faults.

JSON needs no token: a page of another site can send it only after a preflight, which is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule

from amocrm.sandbox.control.action import PREFIX, Action, RefusedError
from amocrm.sandbox.control.actions import ACTIONS
from amocrm.sandbox.control.browser import NEXT, TOKEN, Notice, next_path
from amocrm.sandbox.control.listing import actions_html, actions_json
from amocrm.sandbox.control.parameters import read_values
from amocrm.sandbox.http.answer import Answer, Json, html_answer, is_object, json_answer, phrase
from amocrm.sandbox.http.guard import CONTROL
from amocrm.sandbox.http.problem import ProblemError
from amocrm.sandbox.http.request import IncomingRequest, parse_json

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from amocrm.sandbox.portal import Sandbox

MOST_BYTES = 1_000_000
"""Of the body of one action."""

_MOST_FIELDS = 200
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_HEADERS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)

_MAP = Map(
    [
        Rule(
            one.path.replace("{", "<").replace("}", ">"),
            methods=[one.method],
            endpoint=one,
        )
        for one in ACTIONS
    ],
    strict_slashes=False,
    merge_slashes=False,
)


def most_bytes(environ: WSGIEnvironment) -> int | None:
    """Return how large the body of a request may be; None: as large as it likes."""
    is_control = environ.get(CONTROL) and f"{environ.get('PATH_INFO')}/".startswith(PREFIX)
    return MOST_BYTES if is_control else None


def handle(portal: Sandbox, request: IncomingRequest) -> Answer | None:
    """Answer a request for a path below `/_sandbox/`; None for any other path."""
    if not f"{request.path}/".startswith(PREFIX):
        return None
    try:
        answer = _answer(portal, request)
    except RefusedError as refusal:
        answer = refused(refusal)
    headers = (*answer.headers, *_HEADERS, ("Content-Length", str(len(answer.body))))
    body = b"" if request.method == "HEAD" else answer.body
    return replace(answer, headers=headers, body=body)


def refused(refusal: RefusedError) -> Answer:
    """Return the answer to a refused action."""
    body = {"title": phrase(refusal.status), "status": refusal.status, "detail": refusal.detail}
    return json_answer(body, status=refusal.status, kind=_JSON)


def _answer(portal: Sandbox, request: IncomingRequest) -> Answer:
    _refuse_other_sites(request)
    method = "GET" if request.method == "HEAD" else request.method
    if request.path.rstrip("/") == PREFIX.rstrip("/") and method == "GET":
        if "text/html" in request.headers.get("Accept", ""):
            return html_answer(actions_html(request.origin))
        return json_answer(actions_json(), kind=_JSON)
    action, in_path = _matched(method, request.path)
    if method == "GET":
        given = dict(request.pairs())
        values = read_values(action.parameters, {**given, **in_path}, is_text=True)
        return json_answer(_performed(portal, action, values), kind=_JSON)
    sent = _sent(portal, request)
    if sent.session is None:
        return json_answer(_run(portal, action, in_path, sent), kind=_JSON)
    try:
        notice = Notice(action.name, result=_run(portal, action, in_path, sent))
    except RefusedError as refusal:
        notice = Notice(action.name, error=refusal.detail)
    portal.browsers.leave(sent.session, notice)
    return Answer(303, (("Location", sent.next),))


def _refuse_other_sites(request: IncomingRequest) -> None:
    # The guard of a port refuses what they send; what they embed to read is refused here.
    headers = request.headers
    if (
        headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")
        and headers.get("Sec-Fetch-Mode") != "navigate"
    ):
        raise RefusedError(403, "A page of another site sent this")


class _Sent(NamedTuple):
    """The body of an action; `session` is that of a form, and None for JSON."""

    values: Mapping[str, Json]
    session: str | None = None
    next: str = "/"


def _sent(portal: Sandbox, request: IncomingRequest) -> _Sent:
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind == _FORM:
        form = _form(request.body)
        session = portal.browsers.check(request, form.pop(TOKEN, ""))
        return _Sent(form, session, next_path(form.pop(NEXT, "")))
    if not request.body and kind in ("", _JSON):
        return _Sent({})
    if kind != _JSON:
        raise RefusedError(415, f"Content-Type must be {_JSON}, or {_FORM} of a page of the portal")
    try:
        data = parse_json(request.body)
    except ProblemError as problem:
        raise RefusedError(400, problem.detail) from None
    if not is_object(data):
        raise RefusedError(400, "The body must be a JSON object")
    return _Sent(data)


def _form(body: bytes) -> dict[str, str]:
    try:
        text = body.decode("utf-8")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise RefusedError(
            400, f"The form is no UTF-8, or has over {_MOST_FIELDS} fields"
        ) from None
    return dict(pairs)


def _matched(method: str, path: str) -> tuple[Action, Mapping[str, str]]:
    try:
        found: tuple[Action, Mapping[str, str]] = _MAP.bind("portal").match(path, method=method)
    except MethodNotAllowed as error:
        allowed = ", ".join(sorted(one for one in error.valid_methods or () if one != "HEAD"))
        raise RefusedError(405, f"This takes {allowed}, not {method}") from None
    except NotFound:
        raise RefusedError(404, f"There is no such action: GET {PREFIX} lists them") from None
    return found


def _run(portal: Sandbox, action: Action, in_path: Mapping[str, str], sent: _Sent) -> Json:
    placed = tuple(one for one in action.parameters if action.in_path(one))
    others = tuple(one for one in action.parameters if not action.in_path(one))
    values = {
        **read_values(placed, in_path, is_text=True),
        **read_values(others, sent.values, is_text=sent.session is not None),
    }
    return _performed(portal, action, values)


def _performed(portal: Sandbox, action: Action, values: dict[str, Json]) -> Json:
    try:
        result = action.perform(portal, values)
    except ProblemError as problem:
        raise RefusedError(problem.status, _line(problem)) from None
    if action.changes:
        portal.feed.note(*action.changes)
    return result


def _line(problem: ProblemError) -> str:
    """Return what the API refuses on one line."""
    errors = [
        f"{error['path']}: {error['detail']}"
        for one in problem.extras.get("validation_errors", ())
        for error in one["errors"]
    ]
    named = problem.extras.get("errors")
    if is_object(named):
        errors += [str(one) for one in named.values()]
    return "; ".join(errors) or problem.detail
