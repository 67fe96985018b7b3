"""The pages by address: read the visit, gather under the lock, render, add the headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from amocrm.sandbox.control.actions import BY_NAME
from amocrm.sandbox.data.state import Account
from amocrm.sandbox.http.answer import Answer, Json
from amocrm.sandbox.http.request import IncomingRequest
from amocrm.sandbox.page.languages import COOKIE, LANGUAGES, chosen
from amocrm.sandbox.page.notices import told
from amocrm.sandbox.page.rendering import environment, render
from amocrm.sandbox.page.routes import ACTIONS, MESSAGE, NAVIGATION, PREFIX, Page, matched
from amocrm.sandbox.page.visit import NoSuchPageError, Visit

if TYPE_CHECKING:
    from amocrm.sandbox.portal import Sandbox

_STATIC = f"{PREFIX}static/"
_FAVICON = "/favicon.ico"
"""Browsers ask for it by themselves; it would be one more request in the log."""

_KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_FILE = re.compile(r"page\.(?:css|js)|icon\.svg")
_YEAR = 365 * 86400

HEADERS = (
    (
        "Content-Security-Policy",
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    # With "no-referrer", browsers send forms with `Origin: null`, as pages of other sites do.
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)
"""Of every page: nothing from outside, nothing inline, in nobody's frame."""

_NO_JINJA = Answer(
    501,
    (("Content-Type", "text/plain; charset=utf-8"),),
    b"The page of the sandbox takes Jinja2: pip install 'amocrm-python[server]'\n"
    b"The HTTP actions work without it: GET /_sandbox/\n",
)


def handle(portal: Sandbox, request: IncomingRequest) -> Answer | None:
    """Answer what a browser asks for; None if it is not for a page."""
    if not _is_for_page(request):
        return None
    answer = _static(request.path)
    if answer is None:
        try:
            environment(LANGUAGES[0])
        except ImportError:
            # The list of the actions is a plain page of its own then.
            return None if request.path == ACTIONS else _NO_JINJA
        answer = _page(portal, request)
    headers = (*answer.headers, *HEADERS, ("Content-Length", str(len(answer.body))))
    body = b"" if request.method == "HEAD" else answer.body
    return Answer(answer.status, headers, body)


def _is_for_page(request: IncomingRequest) -> bool:
    if request.method not in ("GET", "HEAD"):
        return False
    if request.path in ("/", ACTIONS):
        # Programs get there what they always got.
        return "text/html" in request.headers.get("Accept", "")
    return request.path.startswith(PREFIX) or request.path == _FAVICON


def _page(portal: Sandbox, request: IncomingRequest) -> Answer:
    query = dict(request.pairs())
    language = chosen(query, request.cookie(COOKIE), request.headers.get("Accept-Language", ""))
    browsers = portal.browsers
    fresh: tuple[tuple[str, str], ...] = ()
    session = browsers.session_of(request)
    if session is None:
        session, cookie = browsers.start(request)
        fresh = (("Set-Cookie", cookie),)
    page, status, context = _gathered(portal, request, query, language)
    # A page that refreshes itself leaves the answer to a form to the page that sent it.
    notice = None if "X-Refresh" in request.headers else browsers.take(session)
    context |= {
        **_frame(portal, request, page, query, language, context["account"]["name"]),
        "token": browsers.token(session),
        "notice": None if notice is None else told(notice),
    }
    text = render(page.template, language, context)
    if query.get("lang") in LANGUAGES:
        kept = f"{COOKIE}={language}; Path=/; Max-Age={_YEAR}; SameSite=Lax"
        fresh = (*fresh, ("Set-Cookie", kept))
    kind = ("Content-Type", "text/html; charset=utf-8")
    return Answer(status, (kind, *fresh), text.encode("utf-8", "replace"))


def _gathered(
    portal: Sandbox, request: IncomingRequest, query: Mapping[str, str], language: str
) -> tuple[Page, int, dict[str, Json]]:
    """Return the page, its status, and what it shows; an unknown one is a message."""
    with portal.locked():
        account, is_known = _account(portal, query.get("account"))
        page, parts = matched(request.path)
        visit = Visit(portal, account, query, parts, language, request.origin)
        try:
            if page is MESSAGE or not is_known:
                raise NoSuchPageError
            return page, 200, {**page.gather(visit), **_of_account(account)}
        except NoSuchPageError:
            return MESSAGE, 404, {**MESSAGE.gather(visit), **_of_account(account)}


def _account(portal: Sandbox, name: str | None) -> tuple[Account, bool]:
    try:
        return portal.account(name or None), True
    except KeyError:
        return portal.account(), False


def _of_account(account: Account) -> dict[str, Json]:
    return {"account": {"name": account.subdomain, "host": account.host}}


def _frame(
    portal: Sandbox,
    request: IncomingRequest,
    page: Page,
    query: Mapping[str, str],
    language: str,
    account: str,
) -> dict[str, Json]:
    """Return what stands around every page."""
    other = next(one for one in LANGUAGES if one != language)
    accounts = portal.accounts
    named = {"account": account} if account != accounts[0].subdomain else {}

    def href(path: str, **more: Json) -> str:
        return _address(path, {**named, **more})

    def here(**more: Json) -> str:
        kept = {name: one for name, one in query.items() if name != "lang"}
        return _address(quote(request.path), {**kept, **more})

    return {
        "accounts": [{"name": one.subdomain, "host": one.host} for one in accounts],
        "navigation": NAVIGATION,
        "section": page.section,
        "watched": " ".join(page.watched),
        "path": quote(request.path),
        "origin": request.origin,
        "action_of": _action,
        "href": href,
        "here": here,
        "static_at": _STATIC,
        "other_language": other,
    }


def _action(name: str, parts: Mapping[str, Json]) -> dict[str, Json]:
    """Return where the form of an action is sent, and whether it names the account there."""
    action = BY_NAME[name]
    path = action.path.format(**{key: quote(str(one), safe="") for key, one in parts.items()})
    is_taken = any(one.name == "account" and not action.in_path(one) for one in action.parameters)
    return {"path": path, "takes_account": is_taken}


def _address(path: str, query: Mapping[str, Json]) -> str:
    return f"{path}?{urlencode(query, errors='replace')}" if query else path


def _static(path: str) -> Answer | None:
    name = "icon.svg" if path == _FAVICON else path.removeprefix(_STATIC)
    if not _FILE.fullmatch(name):
        return None
    kind = _KINDS[name.rpartition(".")[2]]
    return Answer(200, (("Content-Type", f"{kind}; charset=utf-8"),), _file(name))


@lru_cache(maxsize=8)
def _file(name: str) -> bytes:
    return (files("amocrm.sandbox.page") / "static" / name).read_bytes()
