"""Every page: its address, its template, and what it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.page.views.board import board
from amocrm.sandbox.page.views.entities import card, entity_list
from amocrm.sandbox.page.views.requests import request, requests
from amocrm.sandbox.page.views.settings import data, faults
from amocrm.sandbox.page.views.start import actions, overview
from amocrm.sandbox.page.views.tokens import tokens
from amocrm.sandbox.page.views.webhooks import delivery, webhooks
from amocrm.sandbox.page.visit import Visit

PREFIX = "/_page/"
ACTIONS = "/_sandbox/"
"""Where programs find the list of the actions, and people a page of it."""


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        path: its address; `{id}` is read from it.
        section: the entry of the navigation that it belongs to, and the key of its title.
        gather: returns what it shows; a `name` in it is the title instead.
        watched: the parts of the portal that it shows, as `control.feed.PARTS` names them.
    """

    path: str
    section: str
    template: str
    gather: Callable[[Visit], dict[str, Json]]
    watched: tuple[str, ...] = ()


def _pages(section: str, kind: str) -> tuple[Page, Page]:
    """Return the list and the card of contacts or companies."""
    listed = Page(
        f"{PREFIX}{kind}", section, "entities.html", partial(entity_list, kind=kind), ("entities",)
    )
    return listed, _card(section, kind)


def _card(section: str, kind: str) -> Page:
    return Page(
        f"{PREFIX}{kind}/{{id}}", section, "card.html", partial(card, kind=kind), ("entities",)
    )


_EVERYTHING = ("requests", "deliveries", "entities", "tokens", "settings")

PAGES = (
    Page("/", "overview", "overview.html", overview, _EVERYTHING),
    Page(f"{PREFIX}leads", "leads", "board.html", board, ("entities",)),
    _card("leads", "leads"),
    *_pages("contacts", "contacts"),
    *_pages("companies", "companies"),
    Page(f"{PREFIX}requests", "requests", "requests.html", requests, ("requests",)),
    Page(f"{PREFIX}requests/{{id}}", "requests", "request.html", request),
    Page(f"{PREFIX}webhooks", "webhooks", "webhooks.html", webhooks, ("deliveries", "entities")),
    Page(f"{PREFIX}webhooks/{{id}}", "webhooks", "delivery.html", delivery, ("deliveries",)),
    Page(f"{PREFIX}tokens", "tokens", "tokens.html", tokens, ("tokens",)),
    Page(f"{PREFIX}faults", "faults", "faults.html", faults, ("settings",)),
    Page(f"{PREFIX}data", "data", "data.html", data, ("settings",)),
    Page(ACTIONS, "actions", "actions.html", actions),
)
MESSAGE = Page("", "", "message.html", lambda visit: {})
"""What is shown instead of a page that is not there."""

NAVIGATION = [
    (one.section, one.path) for one in PAGES if "{" not in one.path and one.path != ACTIONS
]

_BY_PATH = {one.path: one for one in PAGES}
_LONGEST_ID = 18
"""Digits: what is longer is no id of a 64-bit column."""


def matched(path: str) -> tuple[Page, dict[str, str]]:
    """Return the page at an address and what the address names; `MESSAGE` if there is none."""
    path = path.rstrip("/") if path.startswith(PREFIX) else path
    if page := _BY_PATH.get(path):
        return page, {}
    above, _, last = path.rpartition("/")
    page = _BY_PATH.get(f"{above}/{{id}}")
    if page and last.isascii() and last.isdigit() and len(last) <= _LONGEST_ID:
        return page, {"id": last}
    return MESSAGE, {}
