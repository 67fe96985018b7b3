"""`crm.with_options`: every call has its limits, whatever makes it; what a call says wins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
import requests

from amocrm import (
    AmoCRM,
    AmoCRMError,
    ConfigurationError,
    Created,
    LostReplyError,
    OutcomeUnknownError,
    RateLimitedError,
    ServerError,
    Timeout,
    UnexpectedReplyError,
    Unknown,
)
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.sandbox.drive.store import MAX_PART_SIZE
from tests.docs.api_examples import examples_of
from tests.docs.make_api import Section, sections
from tests.resources.test_every_method import (
    DOMAIN,
    Variables,
    calls_of,
    read_call,
    use,
)

LIMITS: Final = Timeout(connect=1.5, read=2.5, total=7.5)

SENDS_NOTHING: Final = ("writable",)
"""Methods that make no call."""


class Watching(requests.Session):
    """Notes the time limits and the method of each request."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: list[object] = []
        self.methods: list[str | None] = []

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        self.limits.append(options.get("timeout"))
        self.methods.append(request.method)
        return super().send(request, **options)


@pytest.fixture
def portal(clock: ManualClock) -> Sandbox:
    return Sandbox((DOMAIN,), rps=None, clock=clock)


@pytest.fixture
def session(portal: Sandbox) -> Watching:
    watching = Watching()
    portal.mount(watching)
    return watching


@pytest.fixture
def crm(portal: Sandbox, session: Watching, clock: ManualClock) -> Iterator[AmoCRM]:
    token = portal.issue_long_lived()
    with AmoCRM(
        DOMAIN, {"access_token": token}, session=session, rate_limiter=None, clock=clock
    ) as crm:
        yield crm


@pytest.mark.parametrize("section", sections(), ids=lambda one: one.first.expression)
def test_every_method_of_a_resource_has_the_limits(
    section: Section, crm: AmoCRM, portal: Sandbox, session: Watching, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A 429 is what reads and writes are both repeated after."""
    monkeypatch.chdir(tmp_path)
    if section.first.expression == "customers.statuses":
        crm.customers.mode.set("periodicity", is_enabled=True)
    variables = Variables(crm, portal)
    variables["crm"] = crm.with_options(timeout=LIMITS, retry="never")
    for name, call in calls_of(section, variables).items():
        session.limits.clear()
        portal.inject("too_many")
        with suppress(AmoCRMError):
            use(call.method(*call.args, **call.named))
        sent = [] if name in SENDS_NOTHING else [LIMITS[:2]]
        assert session.limits == sent, name


@pytest.mark.parametrize("section", sections(), ids=lambda one: one.first.expression)
def test_no_method_of_a_resource_writes_through_a_client_that_only_reads(
    section: Section, crm: AmoCRM, portal: Sandbox, session: Watching, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    if section.first.expression == "customers.statuses":
        crm.customers.mode.set("periodicity", is_enabled=True)
    variables = Variables(crm, portal)
    methods = list(calls_of(section, variables))
    session.methods.clear()
    variables["crm"] = crm.with_options(read_only=True).with_options(timeout=5)
    for method in methods:
        example = examples_of(section.kind.__name__, section.first, method)
        call = read_call(example, method.rpartition(".")[2], variables)
        with suppress(AmoCRMError):
            use(call.method(*call.args, **call.named))
    assert methods
    assert set(session.methods) <= {"GET"}


def test_a_client_that_only_reads_says_so(crm: AmoCRM, session: Watching) -> None:
    reading = crm.with_options(read_only="start it with --write")
    assert reading.account.get()["subdomain"] == DOMAIN.partition(".")[0]
    sent = len(session.methods)
    with pytest.raises(ConfigurationError) as caught:
        reading.leads.create({"name": "A"})
    assert str(caught.value) == (
        "POST /api/v4/leads was not sent: this client is read-only (start it with --write)"
    )
    for write in (
        lambda: reading.request.delete("/api/v4/webhooks?destination=secret", {"a": 1}),
        lambda: reading.request("patch", "/api/v4/leads", []),
        lambda: list(reading.create_many("/api/v4/leads", [{"name": "A"}])),
        lambda: reading.as_user(7).request.put("/api/v4/leads"),
    ):
        with pytest.raises(ConfigurationError, match=r"was not sent: this client is read-only"):
            write()
    assert len(session.methods) == sent
    assert crm.leads.create({"name": "A"})["id"]


def test_a_batch_has_the_limits(crm: AmoCRM, portal: Sandbox, session: Watching) -> None:
    quick = crm.with_options(timeout=LIMITS, retry="never")
    portal.inject("server_error", times=3)
    assert isinstance(next(quick.create_many("/api/v4/leads", [{"name": "A"}])), Unknown)
    with pytest.raises(ServerError):
        list(quick.listing("/api/v4/leads"))
    with pytest.raises(ServerError):
        list(quick.changes("leads"))
    assert session.limits == [LIMITS[:2]] * 3


def test_a_listing_that_is_not_json_is_not_asked_for_again(crm: AmoCRM, portal: Sandbox) -> None:
    crm.leads.create({"name": "A"})
    portal.inject("broken_json", times=2)
    assert [one["name"] for one in crm.leads.list()] == ["A"]
    portal.inject("broken_json")
    with pytest.raises(UnexpectedReplyError, match="broken JSON"):
        list(crm.with_options(retry="never").leads.list())


@pytest.mark.parametrize("retry", ["auto", "always", "never"])
def test_a_write_is_repeated_as_the_client_says(
    crm: AmoCRM, portal: Sandbox, retry: Any, tmp_path: Path
) -> None:
    client = crm.with_options(retry=retry)
    portal.inject("lost_before", method="POST")
    (outcome,) = client.leads.create_many([{"name": "A"}], journal=tmp_path / "journal")
    assert isinstance(outcome, Created if retry == "always" else Unknown)
    (outcome,) = client.leads.create_many([{"name": "A"}], journal=tmp_path / "journal")
    assert isinstance(outcome, Created if retry == "always" else Unknown)
    assert len(portal.leads()) == (retry == "always")


@pytest.mark.parametrize("path", ["/v1.0/sessions", "/v1.0/sessions/upload"])
def test_an_upload_is_not_begun_anew(crm: AmoCRM, portal: Sandbox, path: str) -> None:
    """Neither its session nor its first part is sent twice, as they otherwise are."""
    content = b"a" * (MAX_PART_SIZE + 1)
    portal.inject("lost_before", method="POST", path=path)
    assert crm.drive.upload(content, name="a.txt")["size"] == len(content)
    seen = len(portal.log)
    portal.inject("lost_before", method="POST", path=path)
    with pytest.raises((OutcomeUnknownError, LostReplyError)):
        crm.with_options(retry="never").drive.upload(content, name="a.txt")
    assert [one.path for one in portal.log[seen:]].count("/v1.0/sessions") == 1


def test_what_a_call_says_wins(crm: AmoCRM, portal: Sandbox, session: Watching) -> None:
    quick = crm.with_options(timeout=LIMITS, retry="never")
    portal.inject("too_many", times=3)
    quick.request.get("/api/v4/leads", retry="auto", timeout=Timeout(3, 4, 5))
    assert session.limits == [(3, 4)] * 4
    portal.inject("too_many")
    assert quick.account.get(retry="always", timeout=1)["id"]
    assert session.limits[4:] == [(1, 1)] * 2
    portal.inject("too_many")
    with pytest.raises(RateLimitedError):
        quick.request.get("/api/v4/leads")
    assert session.limits[6:] == [LIMITS[:2]]


def test_the_client_itself_and_other_options_stay(
    crm: AmoCRM, portal: Sandbox, session: Watching
) -> None:
    usual = Timeout()
    both = crm.with_options(timeout=LIMITS).with_options(retry="never").with_options()
    crm.request.get("/api/v4/account")
    both.request.get("/api/v4/account")
    assert session.limits == [usual[:2], LIMITS[:2]]
    portal.inject("too_many", times=2)
    crm.account.get()
    portal.inject("too_many")
    with pytest.raises(RateLimitedError):
        both.account.get()


def test_it_goes_with_another_user(crm: AmoCRM, portal: Sandbox, session: Watching) -> None:
    other = next(one for one in portal.account().users.values() if not one.is_admin)
    for client in (
        crm.with_options(timeout=LIMITS).as_user(other.id),
        crm.as_user(other.id).with_options(timeout=LIMITS),
    ):
        made = client.leads.create({"name": "A"})
        assert portal.log[-1].headers["x-context-user-id"] == str(other.id)
        assert crm.leads.get(made["id"])["created_by"] == other.id
    assert session.limits[::2] == [LIMITS[:2]] * 2


def test_what_is_known_is_shared(crm: AmoCRM, portal: Sandbox, session: Watching) -> None:
    crm.leads.custom_fields.create({"name": "Region", "type": "text"})
    quick = crm.with_options(timeout=LIMITS)
    session.limits.clear()
    quick.leads.cf({"id": 5})["Region"] = "north"
    assert session.limits == [LIMITS[:2]] * 2  # the definitions and the zone
    crm.leads.cf({"id": 5})["Region"] = "north"
    quick.leads.cf({"id": 5})["Region"] = "north"
    quick.drive.list().first()
    asked = len(session.limits)
    crm.drive.list().first()
    assert (asked, len(session.limits)) == (4, 5)  # the host of the files, and two listings
    quick.leads.custom_fields.create({"name": "City", "type": "text"})
    assert crm.leads.cf({"id": 5}).get("City") is None


def test_closing_it_closes_nothing(crm: AmoCRM) -> None:
    with crm.with_options(timeout=5) as quick:
        quick.account.get()
    assert crm.account.get()["id"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": 0}, "timeout must be a positive number of seconds"),
        ({"timeout": "5"}, "timeout must be a number of seconds or a Timeout"),
        ({"timeout": True}, "timeout must be a number of seconds or a Timeout"),
        ({"retry": "sometimes"}, "retry must be 'auto', 'always' or 'never', not 'sometimes'"),
        ({"retry": 5}, "retry must be 'auto', 'always' or 'never', not 5"),
    ],
)
def test_a_wrong_option_is_refused_at_once(
    crm: AmoCRM, portal: Sandbox, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        crm.with_options(**options)
    with pytest.raises(ConfigurationError, match=message):
        crm.request.get("/api/v4/account", **options)
    assert portal.log == []
