"""What a hostile server says reaches no line of a log as it is, and no path by an id."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from amocrm import AmoCRM, AmoCRMError, ConfigurationError, Integration, MemoryStore, WebhookError
from amocrm.auth.grant_log import GrantLogEntry, write
from amocrm.sandbox import Sandbox

FORGED = "x\r\n2026-11-26 WARNING forged \x1b[2J\x9b\u2028\u202e\ud800"
UNSEEN = set("\r\n\x1b\x9b\u2028\u202e\ud800")


class Hostile(HTTPAdapter):
    """Refuses everything, in words that forge lines."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        problem = {"title": FORGED, "detail": FORGED * 10_000, "hint": FORGED}
        raw = HTTPResponse(
            body=io.BytesIO(json.dumps(problem).encode()),
            status=400,
            reason=FORGED,
            headers={"Content-Type": "application/problem+json", "X-Request-Id": "\x1b[2J\x9bid"},
            preload_content=False,
        )
        return self.build_response(request, raw)


def test_no_line_of_a_log_is_forged(caplog: pytest.LogCaptureFixture) -> None:
    session = requests.Session()
    session.mount("https://", Hostile())
    auth: Any = {
        "client_id": "i", "client_secret": "s", "redirect_uri": "https://a.example/", "code": "c",
    }  # fmt: skip
    with caplog.at_level(logging.DEBUG, "amocrm"):
        with AmoCRM("example", auth, session=session) as crm, pytest.raises(AmoCRMError) as caught:
            crm.request.get("/api/v4/leads")
        with (
            AmoCRM("example", {"access_token": "t"}, session=session) as crm,
            pytest.raises(AmoCRMError) as second,
        ):
            crm.request.get("/api/v4/leads")
        write(GrantLogEntry("code", "code", FORGED, "failed", cause=FORGED))
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("amocrm")]
    assert len(lines) >= 3
    for line in [*lines, str(caught.value), str(second.value)]:
        assert not UNSEEN & set(line)
        assert len(line) < 6_000


@pytest.mark.parametrize(
    "odd", [".", "..", "%2e%2e", "../account", "a/../b", "", "\x00", "\ud800", 7]
)
def test_an_id_that_leads_to_another_path_is_refused_unsent(odd: Any) -> None:
    portal = Sandbox()
    token = portal.issue_long_lived()
    with AmoCRM("example", {"access_token": token}, session=portal.session()) as crm:
        crm.request.get("/api/v4/account")
        before = len(portal.log)
        tried: list[Callable[[], object]] = [
            lambda: crm.drive.get(odd),
            lambda: crm.drive.links(odd),
            lambda: crm.drive.versions(odd),
            lambda: crm.drive.rename(odd, "x"),
            lambda: crm.leads.unsorted.get(odd),
        ]
        if odd != 7:
            tried.append(lambda: crm.leads.get(odd))
            tried.append(lambda: crm.catalogs(odd))
        for call in tried:
            with pytest.raises(ConfigurationError):
                call()
        assert all(urlsplit(one.path).path != "/" for one in portal.log[before:])
        assert not [one for one in portal.log[before:] if ".." in one.path]


@pytest.mark.parametrize("query", [None, 7, b"code=c", ["code"], [("code", "c")]])
def test_a_query_that_is_none_is_refused_in_words(query: Any) -> None:
    portal = Sandbox()
    one = portal.integration
    integration = Integration(
        one.client_id, one.client_secret, one.redirect_uri,
        store=MemoryStore(), session=portal.session(),
    )  # fmt: skip
    with pytest.raises(ConfigurationError):
        integration.callback(query, "state")
    with pytest.raises(ConfigurationError):
        integration.removed(query)
    for hook in ({"signature": ["a"]}, {1: 2}, {"account_id": None}, "signature=a&signature=b"):
        with pytest.raises(WebhookError):
            integration.removed(hook)  # type: ignore[arg-type]


@pytest.mark.parametrize("secret", [None, 7, b"secret", ["secret"], ""])
def test_an_integration_needs_a_secret_of_text(secret: Any) -> None:
    with pytest.raises(ConfigurationError, match="client_secret"):
        Integration("i", secret, "https://a.example/", store=MemoryStore())
