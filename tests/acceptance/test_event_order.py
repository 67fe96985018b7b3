"""The orders of events that users rely on, each by its number."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from amocrm import AmoCRM, Connection, GrantError
from amocrm.sandbox import ManualClock, Sandbox
from tests.conftest import Browse, Heard, Make

Hear = Callable[[AmoCRM], Heard]
DAY = 86_400


def call(crm: AmoCRM, heard: Heard) -> None:
    """Make a call, and note the moment the server saw it."""
    crm.request.get("/api/v4/account")
    heard.append("call")


def test_order_1_the_first_request_with_a_code(crm: AmoCRM, hear: Hear) -> None:
    heard = hear(crm)
    call(crm, heard)
    assert heard == ["beforeConnect", "beforeFetchToken", "newToken", "connected", "call"]


def test_order_2_the_next_requests(crm: AmoCRM, hear: Hear) -> None:
    crm.connect()
    heard = hear(crm)
    call(crm, heard)
    call(crm, heard)
    assert heard == ["checkToken", "call"] * 2


def test_order_3_expired_while_connected(crm: AmoCRM, hear: Hear, clock: ManualClock) -> None:
    crm.connect()
    heard = hear(crm)
    clock.advance(DAY + 1)
    call(crm, heard)
    assert heard == ["checkToken", "beforeRefreshToken", "newToken", "call"]


def test_order_4_a_valid_token_was_set(connected: AmoCRM, make: Make, hear: Hear) -> None:
    crm = make()
    heard = hear(crm)
    crm.connection.set_token(connected.connection.get_token())
    crm.connect()
    assert heard == []
    call(crm, heard)
    assert heard == ["checkToken", "call"]


def test_order_5_an_expired_token_was_set(
    connected: AmoCRM, make: Make, hear: Hear, clock: ManualClock
) -> None:
    crm = make()
    heard = hear(crm)
    clock.advance(DAY + 1)
    crm.connection.set_token(connected.connection.get_token())
    call(crm, heard)
    assert heard == ["beforeConnect", "beforeRefreshToken", "newToken", "call"]


def test_order_6_a_person_at_the_redirect_server(
    sandbox: Sandbox, asking: AmoCRM, browse: Browse, hear: Hear
) -> None:
    heard = hear(asking)

    def agree(connection: Connection) -> None:
        heard.append("consent")
        browse(sandbox.agree(connection.get_auth_url()))

    asking.on("connection:beforeConsent", agree)
    asking.connect()
    assert heard == ["beforeConnect", "consent", "beforeFetchToken", "newToken", "connected"]


def test_order_7_a_refused_code(make: Make, hear: Hear) -> None:
    crm = make({"code": "nonsense"})
    heard = hear(crm)
    with pytest.raises(GrantError):
        call(crm, heard)
    assert heard == ["beforeConnect", "beforeFetchToken", "authError", "error"]
