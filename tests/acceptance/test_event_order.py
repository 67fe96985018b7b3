"""The orders of events that users rely on, numbered as in the mission."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from amocrm import AmoCRM, Connection, GrantError
from amocrm.sandbox import ManualClock, Sandbox
from tests.conftest import Browse, EventNames, Make

RecordEvents = Callable[[AmoCRM], EventNames]
DAY = 86_400


def call(crm: AmoCRM, events: EventNames) -> None:
    """Make a call, and record the moment of its response."""
    crm.request.get("/api/v4/account")
    events.append("call")


def test_order_1_the_first_request_with_a_code(crm: AmoCRM, record_events: RecordEvents) -> None:
    events = record_events(crm)
    call(crm, events)
    assert events == ["beforeConnect", "beforeFetchToken", "newToken", "connected", "call"]


def test_order_2_the_next_requests(crm: AmoCRM, record_events: RecordEvents) -> None:
    crm.connect()
    events = record_events(crm)
    call(crm, events)
    call(crm, events)
    assert events == ["checkToken", "call"] * 2


def test_order_3_expired_while_connected(
    crm: AmoCRM, record_events: RecordEvents, clock: ManualClock
) -> None:
    crm.connect()
    events = record_events(crm)
    clock.advance(DAY + 1)
    call(crm, events)
    assert events == ["checkToken", "beforeRefreshToken", "newToken", "call"]


def test_order_4_a_valid_token_was_set(
    connected: AmoCRM, make: Make, record_events: RecordEvents
) -> None:
    crm = make()
    events = record_events(crm)
    crm.connection.set_token(connected.connection.get_token())
    crm.connect()
    assert events == []
    call(crm, events)
    assert events == ["checkToken", "call"]


def test_order_5_an_expired_token_was_set(
    connected: AmoCRM, make: Make, record_events: RecordEvents, clock: ManualClock
) -> None:
    crm = make()
    events = record_events(crm)
    clock.advance(DAY + 1)
    crm.connection.set_token(connected.connection.get_token())
    call(crm, events)
    assert events == ["beforeConnect", "beforeRefreshToken", "newToken", "call"]


def test_order_6_a_person_at_the_redirect_server(
    sandbox: Sandbox, asking: AmoCRM, browse: Browse, record_events: RecordEvents
) -> None:
    events = record_events(asking)

    def agree(connection: Connection) -> None:
        events.append("consent")
        browse(sandbox.agree(connection.get_auth_url()))

    asking.on("connection:beforeConsent", agree)
    asking.connect()
    assert events == ["beforeConnect", "consent", "beforeFetchToken", "newToken", "connected"]


def test_order_7_a_refused_code(make: Make, record_events: RecordEvents) -> None:
    crm = make({"code": "nonsense"})
    events = record_events(crm)
    with pytest.raises(GrantError):
        call(crm, events)
    assert events == ["beforeConnect", "beforeFetchToken", "authError", "error"]
