from __future__ import annotations

from typing import Any

import pytest

from amocrm import AmoCRM, ConfigurationError, NotAuthorizedError
from amocrm._support.emitter import EVENTS, Emitter
from amocrm.sandbox import ManualClock, Sandbox
from tests.conftest import Make

EVENT = "connection:checkToken"
DAY = 86_400


def test_handlers_run_in_the_order_they_were_added_and_get_the_arguments() -> None:
    got: list[tuple[object, ...]] = []
    emitter = Emitter()
    emitter.on(EVENT, lambda *args: got.append(("first", *args)))
    emitter.on(EVENT, lambda *args: got.append(("second", *args)))
    emitter.emit(EVENT, 1, 2)
    assert got == [("first", 1, 2), ("second", 1, 2)]


def test_once_is_once_even_when_the_handler_sets_the_event_off_again() -> None:
    emitter = Emitter()
    got: list[object] = []

    def handler() -> None:
        got.append("x")
        emitter.emit(EVENT)

    emitter.once(EVENT, handler)
    emitter.emit(EVENT)
    emitter.emit(EVENT)
    assert got == ["x"]


def test_once_can_be_taken_back() -> None:
    emitter = Emitter()
    got: list[object] = []
    emitter.once(EVENT, got.append)
    emitter.off(EVENT, got.append)
    emitter.emit(EVENT, 1)
    assert got == []


def test_a_handler_added_while_an_event_is_told_hears_the_next_one() -> None:
    emitter = Emitter()
    got: list[object] = []
    emitter.once(EVENT, lambda: emitter.on(EVENT, lambda: got.append("late")))
    emitter.emit(EVENT)
    assert got == []
    emitter.emit(EVENT)
    assert got == ["late"]


def test_what_a_handler_raises_reaches_the_caller_and_stops_the_rest() -> None:
    emitter = Emitter()
    got: list[object] = []

    def broken() -> None:
        raise LookupError("mine")

    emitter.on(EVENT, broken)
    emitter.on(EVENT, lambda: got.append("x"))
    with pytest.raises(LookupError, match="mine"):
        emitter.emit(EVENT)
    assert got == []


@pytest.mark.parametrize("event", ["newToken", "connection:newtoken", "", None, 5])
def test_an_event_nobody_emits_is_refused(event: Any) -> None:
    emitter = Emitter()
    for call in (emitter.on, emitter.once):
        with pytest.raises(ConfigurationError, match="connection:newToken"):
            call(event, print)
    if event is not None:
        with pytest.raises(ConfigurationError, match="no event"):
            emitter.off(event)


def test_a_handler_must_be_callable() -> None:
    handler: Any = "print"
    with pytest.raises(ConfigurationError, match="cannot be called"):
        Emitter().on(EVENT, handler)


def test_ten_events_of_the_connection_the_bare_error_and_one_of_each_request() -> None:
    assert len(EVENTS) == 12
    assert EVENTS[-1] == "request:done"
    assert sum(event.startswith("connection:") for event in EVENTS) == 10


# Handlers on a client ----------------------------------------------------------------------------


def test_handlers_may_call_the_client_again(crm: AmoCRM, sandbox: Sandbox) -> None:
    names: list[str] = []

    def call(_: object) -> None:
        names.append(crm.request.get("/api/v4/account").data["name"])

    crm.on("connection:newToken", call)
    crm.on("connection:connected", call)
    crm.on("connection:checkToken", call)
    crm.request.get("/api/v4/account")
    assert set(names) == {"Example"}
    assert sandbox.counters["grants.code"] == 1


@pytest.mark.parametrize("event", ["connection:beforeConnect", "connection:beforeFetchToken"])
def test_a_handler_that_needs_the_token_it_delays_is_told_so(crm: AmoCRM, event: Any) -> None:
    crm.on(event, lambda _: crm.request.get("/api/v4/account"))
    with pytest.raises(NotAuthorizedError, match="before there was a token"):
        crm.request.get("/api/v4/account")


def test_a_handler_may_use_the_token_that_is_about_to_be_renewed(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    names: list[str] = []
    connected.on(
        "connection:beforeRefreshToken",
        lambda _: names.append(connected.request.get("/api/v4/account").data["name"]),
    )
    clock.advance(DAY - 100)
    connected.request.get("/api/v4/account")
    assert names == ["Example"]
    assert sandbox.counters["grants.refresh"] == 1


@pytest.mark.parametrize(
    "event",
    ["connection:beforeConnect", "connection:beforeFetchToken", "connection:newToken",
     "connection:connected"],
)  # fmt: skip
def test_a_handler_that_raises_costs_neither_code_nor_token(
    make: Make, sandbox: Sandbox, event: Any
) -> None:
    crm = make({"code": sandbox.issue_code()})

    def broken(_: object) -> None:
        raise LookupError("mine")

    crm.once(event, broken)
    with pytest.raises(LookupError, match="mine"):
        crm.connect()
    assert crm.request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.code"] == 1
    assert sandbox.counters["grants.refused"] == 0


def test_what_is_forwarded_comes_after_the_own_handlers_with_its_source_first() -> None:
    outer, inner = Emitter(), Emitter()
    inner.forward(outer, "source")
    assert not inner.hears(EVENT)
    got: list[object] = []
    outer.on(EVENT, lambda *args: got.append(args))
    assert inner.hears(EVENT)
    inner.on(EVENT, lambda *args: got.append(args))
    inner.emit(EVENT, 1)
    assert got == [(1,), ("source", 1)]
    outer.emit(EVENT, 2)
    inner.off()
    inner.emit(EVENT, 3)
    assert got[2:] == [(2,), ("source", 3)]
