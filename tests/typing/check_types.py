"""Never executed: what the two type checkers must infer, and what they must refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

from amocrm import (
    AmoCRM,
    AmoCRMError,
    Connection,
    Created,
    Done,
    Integration,
    Listing,
    LocalRateLimiter,
    MemoryStore,
    Progress,
    Refused,
    Response,
    Stats,
    TokenStore,
    Unknown,
    Updated,
)
from amocrm.rate_limit.file import FileRateLimiter
from amocrm.rate_limit.redis import RedisRateLimiter
from amocrm.sandbox import ManualClock, Seen
from amocrm.testing import SandboxFixture, sandbox

if TYPE_CHECKING:
    from typing_extensions import assert_type


def inferred(crm: AmoCRM) -> None:
    assert_type(crm.request.get("/api/v4/leads"), Response)
    assert_type(crm.request("GET", "/api/v4/leads"), Response)
    assert_type(crm.request.get("/").info, requests.Response)
    assert_type(crm.connection, Connection)
    assert_type(crm.connection.get_token(), dict[str, Any] | None)
    assert_type(crm.connection.refresh_token(), dict[str, Any])
    assert_type(crm.connect(), bool)
    assert_type(crm.stats, Stats)
    assert_type(crm.stats.waits.rate_limiter, float)
    assert_type(crm.listing("/api/v4/leads"), Listing[dict[str, Any]])
    assert_type(crm.listing("/api/v4/leads").first(), dict[str, Any] | None)
    assert_type(crm.listing("/api/v4/leads").count(), int | None)
    assert_type(next(iter(crm.listing("/api/v4/leads").pages())), list[dict[str, Any]])
    assert_type(next(iter(crm.changes("leads"))), dict[str, Any])
    run = crm.create_many("/api/v4/leads", [{"name": "a"}], progress=shown)
    assert_type(next(run), Created | Updated | Refused | Unknown)
    assert_type(next(run).unwrap(), int | str | None)
    with crm as same:
        assert_type(same, AmoCRM)


def shown(progress: Progress) -> None: ...


def on_token(response: Response) -> None: ...


def on_step(connection: Connection) -> None: ...


def retries(crm: AmoCRM) -> None:
    crm.request.post("/api/v4/leads", [], retry="always")
    crm.request("GET", "/api/v4/leads", retry="never")
    crm.request.get("/", retry="often")  # type: ignore[arg-type]  # pyright: ignore


def on_done(done: Done) -> None: ...


def on_trouble(error: AmoCRMError, connection: Connection) -> None: ...


def handlers(crm: AmoCRM) -> None:
    crm.on("connection:newToken", on_token)
    crm.once("connection:connected", on_step)
    crm.on("error", on_trouble)
    crm.on("request:done", on_done)
    crm.on("request:done", on_token)  # type: ignore[call-overload]  # pyright: ignore
    crm.off("connection:newToken", on_token)
    crm.on("connection:newToken", on_trouble)  # type: ignore[call-overload]  # pyright: ignore
    crm.on("connection:newtoken", on_token)  # type: ignore[call-overload]  # pyright: ignore


def on_done_of(account: AmoCRM, done: Done) -> None: ...


def on_trouble_of(account: AmoCRM, error: AmoCRMError, connection: Connection) -> None: ...


def handlers_of_all(integration: Integration) -> None:
    integration.on("request:done", on_done_of)
    integration.on("error", on_trouble_of)
    integration.on("error", on_trouble)  # type: ignore[call-overload]  # pyright: ignore
    integration.off("request:done", on_done_of)


def settings(session: requests.Session) -> None:
    store: TokenStore = MemoryStore()
    AmoCRM(
        "a",
        {"access_token": "x"},
        store=store,
        rate_limiter=LocalRateLimiter(7),
        session=session,
        clock=ManualClock(),
        timeout=5,
    )
    crm = AmoCRM("a", {"access_token": "x"})
    len(crm.listing("/api/v4/leads"))  # type: ignore[arg-type]  # pyright: ignore
    crm.create_many("/api/v4/leads", [5])  # type: ignore[list-item]  # pyright: ignore
    AmoCRM("a", {"client": "x"})  # type: ignore[arg-type]  # pyright: ignore
    AmoCRM("a", {"access_token": 5})  # type: ignore[arg-type]  # pyright: ignore
    AmoCRM("a", {"access_token": "x"}, rate_limiter=FileRateLimiter("pace"))
    AmoCRM("a", {"access_token": "x"}, rate_limiter=RedisRateLimiter("redis://localhost"))
    AmoCRM("a", {"access_token": "x"}, rate_limiter="shared")
    AmoCRM("a", {"access_token": "x"}, rate_limiter="fast")  # type: ignore[arg-type]  # pyright: ignore


def testing() -> None:
    with sandbox(account="a.kommo.com", plan="basic", rps=7, faults={"latency": 1}) as portal:
        assert_type(portal, SandboxFixture)
        assert_type(portal.client(), AmoCRM)
        assert_type(portal.clock, ManualClock)
        assert_type(portal.calls, list[Seen])
        assert_type(portal.created("leads"), list[dict[str, Any]])
        assert_type(portal.webhooks.subscribe("http://127.0.0.1/", "add_lead"), str)
    sandbox(plan="base")  # type: ignore[arg-type]  # pyright: ignore
    sandbox(rps="7")  # type: ignore[arg-type]  # pyright: ignore
    sandbox("shop")  # type: ignore[call-arg]  # pyright: ignore
    AmoCRM("a").with_options(read_only="use another")
