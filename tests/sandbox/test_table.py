"""The table of families: what the reference lists is there, and its choices are written down."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from amocrm import sandbox
from amocrm.sandbox.engine.table import TABLE
from amocrm.sandbox.engine.verbs import routes

ROOM = Path(sandbox.__file__).parent

_CARDS = ("/leads", "/contacts", "/companies")
_FIELDS = (*_CARDS, "/customers", "/customers/segments", "/catalogs/#")
ROWS: dict[str, str] = {
    # Reference 4.0: the address, and its verbs. `#` is a variable of the path.
    "/account": "GET",
    **{f"{one}": "GET POST PATCH" for one in _CARDS},
    **{f"{one}/#": "GET PATCH" for one in _CARDS},
    "/leads/complex": "POST",
    "/leads/unsorted": "GET",
    "/leads/unsorted/#": "GET",
    "/leads/unsorted/sip": "POST",
    "/leads/unsorted/forms": "POST",
    "/leads/unsorted/summary": "GET",
    "/leads/unsorted/#/accept": "POST",
    "/leads/unsorted/#/decline": "DELETE",
    "/leads/unsorted/#/link": "POST",
    "/leads/pipelines": "GET POST",
    "/leads/pipelines/#": "GET PATCH DELETE",
    "/leads/pipelines/#/statuses": "GET POST",
    "/leads/pipelines/#/statuses/#": "GET PATCH DELETE",
    "/leads/loss_reasons": "GET POST",
    "/leads/loss_reasons/#": "GET PATCH DELETE",
    "/contacts/chats": "GET POST",
    "/catalogs": "GET POST PATCH",
    "/catalogs/#": "GET PATCH",
    "/catalogs/#/elements": "GET POST PATCH",
    "/catalogs/#/elements/#": "GET PATCH",
    "/catalogs/products/settings": "GET PATCH",
    **{
        f"{one}{owner}/{word}": "GET" if word == "links" else "POST"
        for one in (*_CARDS, "/customers")
        for owner in ("", "/#")
        for word in ("links", "link", "unlink")
    },
    "/tasks": "GET POST PATCH",
    "/tasks/#": "GET PATCH",
    **{f"{one}/custom_fields": "GET POST PATCH" for one in _FIELDS},
    **{f"{one}/custom_fields/#": "GET PATCH DELETE" for one in _FIELDS},
    **{
        f"{one}/custom_fields/groups{more}": verbs
        for one in _FIELDS
        if one != "/customers/segments"
        for more, verbs in (("", "GET POST"), ("/#", "GET PATCH DELETE"))
    },
    "/leads/tags": "GET POST PATCH",
    **{f"{one}/tags": "GET POST" for one in (*_CARDS[1:], "/customers")},
    "/events": "GET",
    "/events/#": "GET",
    "/events/types": "GET",
    **{
        f"{one}{owner}/notes{more}": verbs
        for one in (*_CARDS, "/customers")
        for owner in ("", "/#")
        for more, verbs in (("", "GET POST PATCH"), ("/#", "GET PATCH"))
    },
    **{
        f"{one}/notes/#/{word}": "POST"
        for one in (*_CARDS, "/customers")
        for word in ("pin", "unpin")
    },
    "/customers": "GET POST PATCH",
    "/customers/#": "GET PATCH",
    "/customers/mode": "PATCH",
    "/customers/transactions": "GET",
    "/customers/transactions/#": "GET DELETE",
    "/customers/#/transactions": "GET POST",
    "/customers/#/transactions/#": "GET DELETE",
    "/customers/#/bonus_points": "POST",
    "/customers/statuses": "GET POST",
    "/customers/statuses/#": "GET PATCH DELETE",
    "/customers/segments": "GET POST",
    "/customers/segments/#": "GET PATCH DELETE",
    "/users": "GET POST",
    "/users/#": "GET",
    "/users/activate": "POST",
    "/users/deactivate": "POST",
    "/roles": "GET POST",
    "/roles/#": "GET PATCH DELETE",
    "/webhooks": "GET POST DELETE",
    "/widgets": "GET",
    "/widgets/#": "GET POST DELETE",
    "/#/#/continue/#": "POST",
    "/calls": "POST",
    "/talks": "GET",
    "/talks/#": "GET",
    "/talks/#/close": "POST",
    "/sources": "GET POST PATCH DELETE",
    "/sources/#": "GET PATCH DELETE",
    "/website_buttons": "GET POST",
    "/website_buttons/#": "GET PATCH",
    "/website_buttons/#/online_chat": "POST",
    "/short_links": "POST",
    "/chats/templates": "GET POST PATCH DELETE",
    "/chats/templates/#": "GET PATCH DELETE",
    "/chats/templates/#/review": "POST",
    "/chats/templates/#/review/#": "POST",
    "/leads/#/subscriptions": "GET",
    "/customers/#/subscriptions": "GET",
    "/#/#/files": "GET PUT DELETE",
    "/catalogs/#/#/files": "GET PUT DELETE",
    "/files/#/links": "GET",
    "/currencies": "GET",
    "/bots": "GET",
    "/bots/#": "GET",
    "/bots/#/run": "POST",
    "/bots/run": "POST",
    "/bots/#/stop": "POST",
}


def served() -> list[tuple[str, str]]:
    return [
        (re.sub(r"<[^>]+>", "#", path), method)
        for entry in TABLE
        for method, path, _ in routes(entry)
    ]


@pytest.mark.parametrize("path", ROWS)
def test_a_row_of_the_reference_is_served(path: str) -> None:
    assert sorted(method for there, method in served() if there == path) == sorted(
        ROWS[path].split()
    )


def test_nothing_else_is_served() -> None:
    assert {path for path, _ in served()} - set(ROWS) == set()


def test_no_address_is_served_twice() -> None:
    assert [one for one, count in Counter(served()).items() if count > 1] == []


def test_every_choice_is_written_down() -> None:
    told = set(re.findall(r"\d+(?:\.\d+)?", "".join(_first_column())))
    missing = {
        (path.name, section)
        for path in ROOM.rglob("*.py")
        for cited in re.findall(r"Assumed \(reference ([\d., ]+)", path.read_text(encoding="utf-8"))
        for section in re.findall(r"\d+(?:\.\d+)?", cited)
        if section not in told
    }
    assert missing == set()


def _first_column() -> list[str]:
    text = (ROOM / "UNCERTAIN.md").read_text(encoding="utf-8")
    return [line.split("|")[1] + " " for line in text.splitlines() if line.startswith("| ")]
