"""Chats of contacts (reference 4.7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import Sandbox

Call = Callable[..., requests.Response]
Refused = Callable[[requests.Response], list[tuple[str, str]]]

AT = "/contacts/chats"


@pytest.fixture(autouse=True)
def contact(portal: Sandbox) -> int:
    """A contact, and two chats that the Chats API made."""
    portal.account().shelf("chats").update({"one": {}, "two": {}})
    return portal.add("contacts", {})


def test_a_chat_is_tied_to_a_contact(call: Call, contact: int) -> None:
    answer = call("POST", AT, json=[{"contact_id": contact, "chat_id": "one"}])
    (made,) = answer.json()["_embedded"]["chats"]
    assert set(made) == {"id", "chat_id", "contact_id", "request_id", "_links"}
    assert (made["chat_id"], made["contact_id"], made["request_id"]) == ("one", contact, "0")
    for query in (f"contact_id={contact}", "chat_id=one", "chat_id[]=one&chat_id[]=two"):
        (shown,) = call("GET", f"{AT}?{query}").json()["_embedded"]["chats"]
        assert (shown["id"], shown["chat_id"]) == (made["id"], "one")
    assert call("GET", f"{AT}?contact_id=5").status_code == 204
    assert call("PATCH", AT, json=[{"id": made["id"]}]).status_code == 405


def test_a_listing_names_a_chat_or_a_contact(call: Call, refused: Refused) -> None:
    assert refused(call("GET", AT)) == [("FieldMissing", "contact_id")]


@pytest.mark.parametrize(
    ("model", "code", "path"),
    [
        ({"chat_id": "one"}, "FieldMissing", "contact_id"),
        ({"contact_id": 30001}, "FieldMissing", "chat_id"),
        ({"contact_id": 1, "chat_id": "one"}, "NotSupportedChoice", "contact_id"),
        ({"contact_id": 30001, "chat_id": "none"}, "NotSupportedChoice", "chat_id"),
        ({"contact_id": 30001, "chat_id": 5}, "InvalidType", "chat_id"),
    ],
)
def test_a_bad_tie_is_refused(
    call: Call, refused: Refused, model: dict[str, Any], code: str, path: str
) -> None:
    assert refused(call("POST", AT, json=[model])) == [(code, path)]


def test_a_chat_has_one_contact(call: Call, refused: Refused, contact: int) -> None:
    model = {"contact_id": contact, "chat_id": "one"}
    assert call("POST", AT, json=[model]).status_code == 200
    assert refused(call("POST", AT, json=[model])) == [("NotSupportedChoice", "chat_id")]


def test_cookies_and_ordinary_users_are_refused(call: Call, ordinary: Call, contact: int) -> None:
    model = {"contact_id": contact, "chat_id": "one"}
    assert ordinary("POST", AT, json=[model]).status_code == 403
    answer = call("POST", AT, json=[model], headers={"Cookie": "session_id=1"})
    assert answer.status_code == 403
