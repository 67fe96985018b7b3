"""One integration, many accounts: installed, found, renamed, removed."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from werkzeug.test import Client

from amocrm import (
    FROM_AMOCRM,
    AccessDeniedError,
    AmoCRM,
    AmoCRMError,
    ConfigurationError,
    ForbiddenError,
    GrantError,
    Integration,
    LostReplyError,
    MemoryStore,
    NotAuthorizedError,
    ServerError,
    StateMismatchError,
    Token,
    TokenStoreError,
    WebhookError,
)
from amocrm.auth.cooldowns import REFRESH_COOLDOWN
from amocrm.auth.installation.uninstall_hook import sign
from amocrm.auth.token import REFRESH_EARLY, REFRESH_SPREAD, read_token
from amocrm.auth.token_record import Record, write_record
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.sandbox.http.adapter import SandboxAdapter
from amocrm.sandbox.http.answer import Answer
from amocrm.stores.file import FileStore
from amocrm.stores.store import Key
from tests.auth.test_good_token import refresh_elsewhere
from tests.auth.test_refresh_safety import Broken
from tests.processes import in_child

DAY = 86_400
ACCOUNT = "/api/v4/account"
TOKENS = "/oauth2/access_token"
HOST = "example.amocrm.ru"

New = Callable[..., Integration]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def new(sandbox: Sandbox, clock: ManualClock, store: MemoryStore) -> Iterator[New]:
    integrations: list[Integration] = []

    def new(**settings: Any) -> Integration:
        one = sandbox.integration
        settings = {"store": store, "session": sandbox.session(), "clock": clock, **settings}
        integrations.append(
            Integration(one.client_id, one.client_secret, one.redirect_uri, **settings)
        )
        return integrations[-1]

    yield new
    for integration in integrations:
        integration.close()


@pytest.fixture
def integration(new: New) -> Integration:
    return new()


def query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def agreed(integration: Integration, sandbox: Sandbox, account: str = "example") -> dict[str, str]:
    """The query of a redirect whose state is `s`."""
    return query(sandbox.agree(integration.consent_url("s"), account))


def install(integration: Integration, sandbox: Sandbox, account: str = "example") -> AmoCRM:
    return integration.callback(agreed(integration, sandbox, account), state="s")


# Events ------------------------------------------------------------------------------------------


def test_handlers_hear_of_every_account_and_whose_event_it_is(
    integration: Integration, sandbox: Sandbox
) -> None:
    told: list[tuple[object, ...]] = []
    order: list[str] = []
    integration.on("request:done", lambda account, done: told.append((account, done.account)))
    integration.on("connection:newToken", lambda account, response: order.append("integration"))
    clients = [install(integration, sandbox, name) for name in ("example", "other")]
    assert order == ["integration"] * 2, "a handler hears of accounts to come"
    for client in clients:
        client.request.get(ACCOUNT)
    hosts = [HOST, "other.amocrm.ru"]
    assert told[-2:] == list(zip(clients, hosts, strict=True))

    clients[0].on("connection:newToken", lambda _: order.append("client"))
    clients[0].connection.refresh_token()
    assert order[2:] == ["client", "integration"]
    calls = len(told)
    integration.off("request:done")
    clients[0].request.get(ACCOUNT)
    assert len(told) == calls


def test_an_error_of_an_account_is_told_with_its_client(
    integration: Integration, sandbox: Sandbox
) -> None:
    told: list[tuple[object, ...]] = []
    account = install(integration, sandbox)
    integration.on("error", lambda *heard: told.append(heard))
    sandbox.revoke_tokens("example")
    with pytest.raises(AmoCRMError):
        account.connection.refresh_token()
    ((client, error, connection),) = told
    assert (client, connection) == (account, account.connection)
    assert isinstance(error, GrantError)


def test_an_event_that_is_none_is_refused(integration: Integration) -> None:
    event: Any = "connection:newtoken"
    with pytest.raises(ConfigurationError, match="no event"):
        integration.on(event, lambda *_: None)


# Installing --------------------------------------------------------------------------------------


def test_each_account_that_agrees_has_its_own_client(
    integration: Integration, sandbox: Sandbox
) -> None:
    for name in ("example", "other"):
        account = install(integration, sandbox, name)
        assert account.request.get(ACCOUNT).data["subdomain"] == name
        assert integration.account(name) is account
        assert integration.account(f"https://{name}.amocrm.ru/") is account
    assert integration.accounts() == [HOST, "other.amocrm.ru"]


@pytest.mark.parametrize("mark", ["", "?"])
def test_the_raw_query_is_accepted(integration: Integration, sandbox: Sandbox, mark: str) -> None:
    raw = urlsplit(sandbox.agree(integration.consent_url("s"))).query
    assert integration.callback(mark + raw, state="s").connection.connected


def test_construction_sends_and_stores_nothing(new: New, sandbox: Sandbox) -> None:
    assert new().accounts() == []
    assert sandbox.log == []


def test_the_consent_page_is_in_the_configured_zone(new: New) -> None:
    assert new().consent_url("s").startswith("https://www.amocrm.ru/oauth?")
    kommo = new(zone="kommo.com").consent_url("s t", "post_message")
    assert kommo.startswith("https://www.kommo.com/oauth?")
    assert query(kommo)["state"] == "s t"
    assert query(kommo)["mode"] == "post_message"


def test_a_bare_login_is_in_the_configured_zone(clock: ManualClock) -> None:
    sandbox = Sandbox(("shop.kommo.com",), clock=clock)
    one = sandbox.integration
    with Integration(
        one.client_id, one.client_secret, one.redirect_uri,
        store=MemoryStore(), zone="kommo.com", session=sandbox.session(), clock=clock,
    ) as integration:  # fmt: skip
        account = install(integration, sandbox, "shop")
        assert integration.account("shop") is account
        assert integration.account("shop.kommo.com") is account


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"zone": "example.com"}, "zone must be one of"),
        ({"rate_limiter": 0}, "pace|rate"),
        ({"timeout": -1}, "timeout"),
        ({"session": object()}, "session"),
        ({"user_agent": "a\nb"}, "user_agent"),
        ({"base_url": "nowhere"}, "base_url"),
        ({"max_clients": 0}, "max_clients"),
    ],
)
def test_wrong_settings_raise_at_construction(
    new: New, settings: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        new(**settings)


@pytest.mark.parametrize("state", ["", None])
def test_a_consent_url_without_a_state_is_refused(integration: Integration, state: str) -> None:
    with pytest.raises(ConfigurationError, match="token_urlsafe"):
        integration.consent_url(state)


@pytest.mark.parametrize("strange", [None, b"code=1", 5])
def test_a_query_of_another_type_is_refused(integration: Integration, strange: Any) -> None:
    with pytest.raises(ConfigurationError, match="raw query"):
        integration.callback(strange, state="s")


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"state": "forged"}, "s"),
        ({"referer": "evil.example"}, "s"),
        ({"referer": ""}, "s"),
        ({"from_widget": "1", "state": ""}, "s"),
        ({}, None),
        ({}, ""),
        ({"from_widget": "1"}, None),
        ({"from_widget": "1"}, ""),
    ],
)
def test_a_forged_redirect_sends_nothing(
    integration: Integration, sandbox: Sandbox, change: dict[str, str], state: str | None
) -> None:
    forged = {**agreed(integration, sandbox), **change}
    with pytest.raises(StateMismatchError):
        integration.callback(forged, state=state)
    assert sandbox.counters["grants.code"] == 0
    assert integration.accounts() == []


def test_a_person_s_refusal_raises_access_denied(
    integration: Integration, sandbox: Sandbox
) -> None:
    with pytest.raises(AccessDeniedError):
        integration.callback(query(sandbox.deny(integration.consent_url("s"))), state="s")


def test_a_widget_s_call_has_no_state(integration: Integration, sandbox: Sandbox) -> None:
    account = integration.callback(query(sandbox.install_widget("other")), FROM_AMOCRM)
    assert account.request.get(ACCOUNT).data["subdomain"] == "other"


# The same redirect again -------------------------------------------------------------------------


def test_a_reloaded_redirect_installs_once(new: New, sandbox: Sandbox) -> None:
    first, second = new(), new()
    redirect = agreed(first, sandbox)
    account = first.callback(redirect, state="s")
    assert first.callback(redirect, state="s") is account
    again = second.callback(redirect, state="s")
    assert again.request.get(ACCOUNT).data["subdomain"] == "example"
    assert sandbox.counters["grants.code"] == 1


def test_threads_with_the_same_redirect_install_once(
    integration: Integration, sandbox: Sandbox
) -> None:
    redirect, gate = agreed(integration, sandbox), threading.Barrier(8)

    def call(_: int) -> AmoCRM:
        gate.wait(60)
        return integration.callback(redirect, state="s")

    with ThreadPoolExecutor(8) as pool:
        accounts = list(pool.map(call, range(8)))
    assert len(set(accounts)) == 1
    assert sandbox.counters["grants.code"] == 1


PROCESS = """
import sys
from amocrm import Integration
from amocrm.stores.file import FileStore
from werkzeug.test import Client
client_id, secret, uri, url, folder, query = sys.argv[1:]
with Integration(client_id, secret, uri, store=FileStore(folder), base_url=url) as integration:
    client = Client(integration.wsgi_app(on_installed=lambda account: print("installed")))
    sys.stdin.readline()
    answer = client.get("/?" + query)
    account = integration.account("example")
    print(answer.status_code, account.request.get("/api/v4/account").data["id"])
"""


def test_processes_with_the_same_redirect_install_once(tmp_path: Path) -> None:
    sandbox = Sandbox()
    one, widget = sandbox.integration, urlsplit(sandbox.install_widget()).query
    with sandbox.serve() as served:
        command = [
            sys.executable, "-W", "error", "-c", PROCESS, one.client_id, one.client_secret,
            one.redirect_uri, served.url, str(tmp_path / "tokens"), widget,
        ]  # fmt: skip
        both = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        said = "".join(process.communicate("go\n", timeout=60)[0] for process in both)
    assert said.count("installed") == 1
    assert said.count(f"200 {sandbox.account().id}") == 2
    assert sandbox.counters["grants.code"] == 1


def test_a_code_that_was_used_elsewhere_is_refused(
    integration: Integration, new: New, sandbox: Sandbox
) -> None:
    redirect = agreed(integration, sandbox)
    new(store=MemoryStore()).callback(redirect, state="s")
    with pytest.raises(GrantError, match="already used"):
        integration.callback(redirect, state="s")
    assert integration.accounts() == []


def test_an_account_may_agree_again(integration: Integration, sandbox: Sandbox) -> None:
    account = install(integration, sandbox)
    old = account.connection.get_token()
    assert install(integration, sandbox) is account
    assert account.connection.get_token() != old
    assert integration.accounts() == [HOST]


@pytest.mark.parametrize("days", [80, 100])
def test_an_account_may_agree_again_long_after(
    integration: Integration, sandbox: Sandbox, clock: ManualClock, days: int
) -> None:
    account = install(integration, sandbox)
    clock.advance(days * DAY)
    assert install(integration, sandbox) is account
    assert account.request.get(ACCOUNT).info.status_code == 200


def test_an_account_may_agree_to_more_rights(
    integration: Integration, sandbox: Sandbox, store: MemoryStore
) -> None:
    narrow = Record(Token(sandbox.issue_long_lived(scopes=["files"])), HOST)
    client_id = sandbox.integration.client_id
    store.save(Key(client_id, HOST), write_record(client_id, HOST, narrow), None)
    with pytest.raises(ForbiddenError):
        integration.account("example").request.get(ACCOUNT)
    assert install(integration, sandbox).request.get(ACCOUNT).info.status_code == 200


def test_an_installation_makes_no_call_with_the_token_of_the_named_account(
    integration: Integration, sandbox: Sandbox
) -> None:
    install(integration, sandbox)
    before = len(sandbox.log)
    install(integration, sandbox)
    with pytest.raises(GrantError):
        integration.callback({"code": "c", "referer": HOST, "from_widget": ""}, FROM_AMOCRM)
    assert [one.path for one in sandbox.log[before:]] == [TOKENS, TOKENS]


def test_made_up_redirects_displace_no_client(new: New, sandbox: Sandbox) -> None:
    integration = new(max_clients=2)
    account = install(integration, sandbox)
    for name in ("first", "second", "third"):
        forged = {"code": "c", "referer": f"{name}.amocrm.ru", "from_widget": ""}
        with pytest.raises(GrantError):
            integration.callback(forged, FROM_AMOCRM)
    assert "1 clients" in repr(integration)
    assert integration.account("example") is account


def test_a_store_failure_during_an_installation_loses_no_pair(new: New, sandbox: Sandbox) -> None:
    class Full(MemoryStore):
        full = True

        def save(self, key: Key, text: str, replaces: str | None) -> bool:
            if self.full:
                raise TokenStoreError("the disk is full")
            return super().save(key, text, replaces)

    store = Full()
    integration = new(store=store)
    redirect = agreed(integration, sandbox)
    with pytest.raises(TokenStoreError):
        integration.callback(redirect, state="s")
    store.full = False
    assert integration.callback(redirect, state="s").request.get(ACCOUNT).data["id"]
    assert integration.accounts() == [HOST]
    assert sandbox.counters["grants.code"] == 1


def test_a_store_that_cannot_list_raises_a_store_error(new: New) -> None:
    class Deaf(MemoryStore):
        def accounts(self, client_id: str) -> list[str]:
            raise OSError("no such folder")

    with pytest.raises(TokenStoreError, match="could not list"):
        new(store=Deaf()).accounts()


# Asking for accounts -----------------------------------------------------------------------------


def test_an_account_that_is_not_installed_raises_not_authorized(integration: Integration) -> None:
    with pytest.raises(NotAuthorizedError, match=r"other\.amocrm\.ru .*consent_url"):
        integration.account("other")
    with pytest.raises(ConfigurationError):
        integration.account("other.example")


def test_another_process_finds_the_installed_account(
    new: New, sandbox: Sandbox, clock: ManualClock
) -> None:
    install(new(), sandbox)
    clock.advance(DAY + 1)
    assert new().account("example").request.get(ACCOUNT).data["subdomain"] == "example"
    assert sandbox.counters["grants.refresh"] == 1


def test_fifty_threads_get_the_same_client(new: New, sandbox: Sandbox) -> None:
    install(new(), sandbox)
    integration, gate = new(), threading.Barrier(50)

    def get_account(_: int) -> AmoCRM:
        gate.wait(60)
        return integration.account("example")

    with ThreadPoolExecutor(50) as pool:
        assert len(set(pool.map(get_account, range(50)))) == 1
    assert integration.account("example").request.get(ACCOUNT).info.status_code == 200


def test_the_least_recently_used_client_is_displaced_and_made_again(
    new: New, sandbox: Sandbox
) -> None:
    roomy, tight = new(max_clients=2), new(max_clients=1)
    for integration, same_client in ((roomy, True), (tight, False)):
        first = install(integration, sandbox)
        install(integration, sandbox, "other")
        assert (integration.account("example") is first) is same_client
        assert first.request.get(ACCOUNT).info.status_code == 200


def test_all_clients_share_one_rate_limiter(new: New, sandbox: Sandbox, clock: ManualClock) -> None:
    integration = new(rate_limiter=2)
    accounts = [install(integration, sandbox, name) for name in ("example", "other")]
    clock.advance(10)
    before = clock.monotonic()
    for _ in range(3):
        for account in accounts:
            account.request.get(ACCOUNT)
    assert clock.monotonic() - before >= 2
    assert new(rate_limiter=None).accounts() == integration.accounts()


def test_closing_leaves_a_given_session_open(new: New, sandbox: Sandbox) -> None:
    closed: list[str] = []

    class Watched(requests.Session):
        def close(self) -> None:
            closed.append("closed")

    session = sandbox.mount(Watched())
    with new(session=session) as integration:
        account = install(integration, sandbox)
    with pytest.raises(ConfigurationError, match="closed"):
        account.request.get(ACCOUNT)
    with pytest.raises(ConfigurationError, match="closed"):
        integration.account("example")
    assert closed == []
    assert new(session=session).account("example").request.get(ACCOUNT).info.status_code == 200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_does_not_wait_for_a_lock_of_its_parent(
    integration: Integration, sandbox: Sandbox
) -> None:
    install(integration, sandbox)
    inside, done = threading.Event(), threading.Event()

    class Slow(str):
        __slots__ = ()

        def __hash__(self) -> int:
            inside.set()
            done.wait(60)
            return super().__hash__()

    # A thread of the parent is in the middle of a lookup when the process forks.
    clients = integration._installer.clients
    worker = threading.Thread(target=clients.held, args=(Slow(sandbox.account().id),))
    worker.start()
    inside.wait(60)
    try:
        assert in_child(lambda: integration.account("example") is not None)
    finally:
        done.set()
        worker.join(60)


# Renamed accounts --------------------------------------------------------------------------------


def test_a_renamed_account_that_agrees_again_is_one_account(
    integration: Integration, new: New, sandbox: Sandbox
) -> None:
    install(integration, sandbox)
    sandbox.move("example", "renamed")
    account = install(integration, sandbox, "renamed")
    assert account.request.get(ACCOUNT).data["subdomain"] == "renamed"
    assert len(integration.accounts()) == 1
    for one in (integration, new()):
        for name in ("renamed", "example"):
            assert one.account(name).request.get(ACCOUNT).data["subdomain"] == "renamed"
    other = new()
    assert other.account("example") is other.account("renamed")


@pytest.mark.parametrize("noticed", [True, False])
@pytest.mark.parametrize("widget", [True, False])
def test_a_host_that_passed_to_another_account_leads_there_and_no_token_is_lost(
    integration: Integration, new: New, sandbox: Sandbox, noticed: bool, widget: bool
) -> None:
    account = install(integration, sandbox)
    first = sandbox.account().id
    sandbox.move("example", "renamed")
    if noticed:
        account.request.get(ACCOUNT)
    newcomer = sandbox.add_account("example")
    sandbox.account("renamed").former.discard("example")
    if widget:
        integration.callback(query(sandbox.install_widget(newcomer.host)), FROM_AMOCRM)
    else:
        install(integration, sandbox, newcomer.host)
    for one in (integration, new()):
        assert one.account(id=first).request.get(ACCOUNT).data["id"] == first
        assert one.account(id=newcomer.id).request.get(ACCOUNT).data["id"] == newcomer.id
        assert one.account("example") is one.account(id=newcomer.id)
    assert account is integration.account(id=first)
    assert integration.accounts() == [HOST, "renamed.amocrm.ru"]


@pytest.mark.parametrize("widget", [True, False])
def test_a_stranger_that_takes_an_earlier_host_does_not_get_the_record(
    integration: Integration, new: New, sandbox: Sandbox, clock: ManualClock, widget: bool
) -> None:
    """Renamed to beta (noticed), then to gamma (not noticed); a stranger takes beta."""
    install(integration, sandbox)
    first, pair = sandbox.account().id, integration.account("example").connection.get_token()
    sandbox.move("example", "beta")
    integration.account("example").connection.refresh_token()
    sandbox.move("beta", "gamma")
    stranger = sandbox.add_account("beta")
    for account in sandbox.accounts:
        account.former.discard(stranger.subdomain)
    if widget:
        integration.callback(query(sandbox.install_widget(stranger.host)), FROM_AMOCRM)
    else:
        install(integration, sandbox, stranger.host)
    for one in (integration, new()):
        assert one.account("example").connection.account_id == first
        assert one.account("beta").connection.account_id == stranger.id
        for name in ("example", "gamma"):
            if name == "gamma":
                clock.advance(DAY + 1)
            assert one.account("example").request.get(ACCOUNT).data["id"] == first
        assert one.account("gamma").connection.account_id == first
        # The refresh of the first account has not moved the host back.
        assert one.account("beta").request.get(ACCOUNT).data["id"] == stranger.id
    assert pair is not None
    assert sandbox.counters["grants.code"] == 2


def test_an_account_is_found_by_its_id_or_by_a_host(
    integration: Integration, sandbox: Sandbox
) -> None:
    account = install(integration, sandbox)
    number = sandbox.account().id
    assert account.connection.account_id == number
    assert account.connection.status().account_id == number
    assert integration.account(id=number) is account
    wrong: Any
    for wrong in ({}, {"name": "example", "id": number}):
        with pytest.raises(ConfigurationError, match="either the account's name or its id"):
            integration.account(**wrong)
    for wrong in (0, -1, "1", True, 10**20, 1.0):
        with pytest.raises(ConfigurationError, match="positive whole number"):
            integration.account(id=wrong)
    with pytest.raises(NotAuthorizedError, match="not installed in account 7"):
        integration.account(id=7)
    integration.forget(id=number)
    assert integration.accounts() == []


def test_cached_clients_are_found_while_the_store_fails(new: New, sandbox: Sandbox) -> None:
    store = Broken()
    integration = new(store=store)
    account = install(integration, sandbox)
    store.reading = OSError("the database is down")
    for client in (integration.account("example"), integration.account(id=sandbox.account().id)):
        assert client is account
        assert client.request.get(ACCOUNT).info.status_code == 200
    with pytest.raises(TokenStoreError):
        integration.account("other")


def test_a_forged_redirect_does_not_move_the_host_of_a_renamed_account(
    integration: Integration, sandbox: Sandbox, clock: ManualClock
) -> None:
    install(integration, sandbox)
    sandbox.move("example", "renamed")
    clock.advance(DAY + 1)
    integration.account("example").request.get(ACCOUNT)
    forged = {"code": "x", "referer": "renamed.amocrm.ru", "from_widget": "1"}
    with pytest.raises(GrantError):
        integration.callback(forged, FROM_AMOCRM)
    assert integration.account("renamed").request.get(ACCOUNT).data["subdomain"] == "renamed"


@pytest.mark.parametrize("later", [0, 80 * DAY])
def test_a_used_code_is_useless_without_its_state(
    integration: Integration, sandbox: Sandbox, clock: ManualClock, later: int
) -> None:
    query = agreed(integration, sandbox)
    victim = integration.callback(query, state="s")
    clock.advance(later)
    assert integration.callback(query, state="s") is victim
    with pytest.raises(GrantError, match="already used"):
        integration.callback({**query, "state": "attacker"}, state="attacker")
    stateless = {name: value for name, value in query.items() if name != "state"}
    with pytest.raises(GrantError, match="already used"):
        integration.callback({**stateless, "from_widget": "1"}, FROM_AMOCRM)


# Leaving -----------------------------------------------------------------------------------------


def test_the_uninstall_hook_removes_the_account_once(
    integration: Integration, sandbox: Sandbox
) -> None:
    account = install(integration, sandbox)
    install(integration, sandbox, "other")
    hook = sandbox.uninstall_hook("example")
    sandbox.uninstall("example")
    assert integration.removed(hook.params) == HOST
    assert integration.removed(urlsplit(hook.url).query) is None
    assert integration.accounts() == ["other.amocrm.ru"]
    with pytest.raises(NotAuthorizedError, match="not installed"):
        integration.account("example")
    with pytest.raises(NotAuthorizedError, match="get consent again"):
        account.request.get(ACCOUNT)


def test_two_processes_with_the_same_hook_remove_once(new: New, sandbox: Sandbox) -> None:
    integrations = [new(), new()]
    for integration in integrations:
        install(integration, sandbox)
    hook = sandbox.uninstall_hook()
    sandbox.uninstall()
    gate = threading.Barrier(2)

    def call(integration: Integration) -> str | None:
        gate.wait(60)
        return integration.removed(hook.params)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(map(str, pool.map(call, integrations))) == ["None", HOST]


def test_a_hook_that_is_repeated_after_a_new_installation_removes_nothing(
    integration: Integration, new: New, sandbox: Sandbox
) -> None:
    install(integration, sandbox)
    hook = sandbox.uninstall_hook()
    sandbox.uninstall()
    assert integration.removed(hook.params) == HOST
    install(integration, sandbox)
    for one in (integration, new()):
        assert one.removed(hook.params) is None
        assert one.account("example").request.get(ACCOUNT).info.status_code == 200


def test_a_late_hook_does_not_remove_a_newer_pair_of_another_process(
    new: New, sandbox: Sandbox
) -> None:
    stale, other = new(), new()
    install(stale, sandbox)
    hook = sandbox.uninstall_hook()
    sandbox.uninstall()
    install(other, sandbox)
    assert stale.removed(hook.params) is None
    assert stale.account("example").request.get(ACCOUNT).info.status_code == 200


def test_a_renamed_account_is_found_by_its_id(integration: Integration, sandbox: Sandbox) -> None:
    install(integration, sandbox)
    sandbox.move("example", "renamed")
    install(integration, sandbox, "renamed")
    sandbox.uninstall("renamed")
    assert integration.removed(sandbox.uninstall_hook("renamed").params) == "renamed.amocrm.ru"
    assert integration.accounts() == []


def test_the_hook_of_a_host_s_former_account_does_not_remove_the_new_account(
    integration: Integration, sandbox: Sandbox
) -> None:
    install(integration, sandbox)
    sandbox.move("example", "renamed")
    sandbox.uninstall("renamed")
    newcomer = sandbox.add_account("example")
    integration.forget("example")
    install(integration, sandbox, newcomer.host)
    sandbox.uninstall(newcomer)
    assert integration.removed(sandbox.uninstall_hook("renamed").params) is None
    assert integration.accounts() == [HOST]


@pytest.mark.parametrize(
    ("fault", "error"), [("lost_before", LostReplyError), ("server_error", ServerError)]
)
def test_the_pair_stays_if_amocrm_does_not_respond(
    integration: Integration, sandbox: Sandbox, fault: str, error: type[Exception]
) -> None:
    install(integration, sandbox)
    sandbox.uninstall()
    sandbox.inject(fault, path=ACCOUNT, times=9)
    with pytest.raises(error):
        integration.removed(sandbox.uninstall_hook().params)
    assert integration.accounts() == [HOST]


def test_the_pair_of_an_unpaid_account_stays(integration: Integration, sandbox: Sandbox) -> None:
    install(integration, sandbox)
    sandbox.account().is_paid = False
    assert integration.removed(sandbox.uninstall_hook().params) is None
    assert integration.accounts() == [HOST]


def test_a_wrong_secret_removes_no_pair(
    integration: Integration, sandbox: Sandbox, clock: ManualClock, store: MemoryStore
) -> None:
    install(integration, sandbox)
    number, one = sandbox.account().id, sandbox.integration
    clock.advance(DAY + 1)
    with Integration(
        one.client_id, "another", one.redirect_uri,
        store=store, session=sandbox.session(), clock=clock,
    ) as wrong:  # fmt: skip
        hook = {"client_uuid": one.client_id, "account_id": str(number)}
        hook["signature"] = sign(one.client_id, "another", number)
        with pytest.raises(GrantError, match="do not belong together"):
            wrong.removed(hook)
        with pytest.raises(GrantError, match="do not belong together"):
            install(wrong, sandbox)
    assert integration.account("example").request.get(ACCOUNT).info.status_code == 200


def test_the_pair_stays_if_the_lookup_of_a_moved_account_fails(
    integration: Integration, sandbox: Sandbox, clock: ManualClock
) -> None:
    install(integration, sandbox)
    sandbox.move("example", "renamed")
    clock.advance(DAY + 1)
    sandbox.inject("server_error", path="/oauth2/account", times=1)
    with pytest.raises(GrantError):
        integration.removed(sandbox.uninstall_hook("renamed").params)
    assert integration.accounts() == [HOST]
    assert integration.removed(sandbox.uninstall_hook("renamed").params) is None


def test_a_hook_right_after_a_refresh_for_a_401_removes_the_account(
    integration: Integration, sandbox: Sandbox
) -> None:
    account = install(integration, sandbox)
    sandbox.inject("server_error", path="/api/v4/leads", status=401)
    account.request.get("/api/v4/leads")
    assert sandbox.counters["grants.refresh"] == 1
    sandbox.uninstall()
    assert integration.removed(sandbox.uninstall_hook().params) == HOST


def test_two_401s_in_a_row_do_not_remove_a_pair_that_can_be_refreshed(
    integration: Integration, sandbox: Sandbox
) -> None:
    account = install(integration, sandbox)
    for path in ("/api/v4/leads", ACCOUNT):
        sandbox.inject("server_error", path=path, status=401)
    account.request.get("/api/v4/leads")
    assert integration.removed(sandbox.uninstall_hook().params) is None
    assert sandbox.counters["grants.refresh"] == 2
    assert account.request.get(ACCOUNT).info.status_code == 200


@pytest.mark.parametrize("name", ["account_id", "client_uuid", "signature"])
def test_a_forged_hook_sends_nothing(integration: Integration, sandbox: Sandbox, name: str) -> None:
    install(integration, sandbox)
    sandbox.uninstall()
    calls_before = len(sandbox.log)
    with pytest.raises(WebhookError):
        integration.removed({**sandbox.uninstall_hook().params, name: "12"})
    assert len(sandbox.log) == calls_before
    assert integration.accounts() == [HOST]


def test_forget_needs_no_hook_and_may_be_repeated(
    integration: Integration, sandbox: Sandbox
) -> None:
    account = install(integration, sandbox)
    integration.forget("example")
    integration.forget("example")
    assert integration.accounts() == []
    with pytest.raises(ConfigurationError, match="closed"):
        account.request.get(ACCOUNT)
    assert install(integration, sandbox).request.get(ACCOUNT).info.status_code == 200


def test_forgetting_an_account_with_an_unsaved_pair_leaves_nothing_in_the_store(
    new: New, sandbox: Sandbox, clock: ManualClock
) -> None:
    store = Broken()
    integration = new(store=store)
    account = install(integration, sandbox)
    clock.advance(DAY + 1)
    store.trouble = OSError("full")
    with pytest.raises(TokenStoreError):
        account.request.get(ACCOUNT)
    store.trouble = None
    integration.forget("example")
    assert store.load(Key(sandbox.integration.client_id, HOST)) is None
    assert integration.accounts() == []
    with pytest.raises(NotAuthorizedError):
        new(store=store).account("example")


def opaque(sandbox: Sandbox) -> requests.Session:
    """A session to a portal whose access tokens have no claims (reference 12.1)."""
    true: dict[str, str] = {}

    def respond(environ: Any) -> Answer:
        _, _, shown = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        answer = sandbox.respond({**environ, "HTTP_AUTHORIZATION": f"Bearer {true.get(shown)}"})
        if environ["PATH_INFO"] != TOKENS or answer.status != 200:
            return answer
        body = json.loads(answer.body)
        name = f"opaque-{len(true)}"
        true[name], body["access_token"] = body["access_token"], name
        return replace(answer, body=json.dumps(body).encode(), headers=())

    session = requests.Session()
    session.mount("https://", SandboxAdapter(respond, sandbox.clock))
    return session


def test_the_account_s_id_is_requested_if_the_token_has_none(new: New, sandbox: Sandbox) -> None:
    integration = new(session=opaque(sandbox))
    install(integration, sandbox)
    assert sandbox.log[-1].path == ACCOUNT
    sandbox.uninstall()
    assert integration.removed(sandbox.uninstall_hook().params) == HOST


def test_an_installation_succeeds_without_the_account_s_id(
    new: New, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    integration = new(session=opaque(sandbox))
    sandbox.inject("server_error", path=ACCOUNT, times=5)
    account = install(integration, sandbox)
    assert "its uninstall hook will remove nothing" in caplog.text
    assert integration.account("example") is account
    assert integration.removed(sandbox.uninstall_hook().params) is None


# Secrets -----------------------------------------------------------------------------------------


def test_no_secret_is_logged_or_shown(
    integration: Integration, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    redirect = agreed(integration, sandbox)
    account = integration.callback(redirect, state="s")
    integration.callback(redirect, state="s")
    token = account.connection.get_token() or {}
    hook = sandbox.uninstall_hook()
    sandbox.uninstall()
    integration.removed(hook.params)
    shown = caplog.text + repr(integration) + repr(account)
    assert "installed in example.amocrm.ru" in shown
    secrets = [
        redirect["code"], token["access_token"], token["refresh_token"],
        sandbox.integration.client_secret, hook.params["signature"],
    ]  # fmt: skip
    assert [secret for secret in secrets if secret in shown] == []


# Over sockets ------------------------------------------------------------------------------------


def test_installation_call_and_removal_over_tcp_with_its_own_session(tmp_path: Path) -> None:
    sandbox = Sandbox()
    one = sandbox.integration
    with sandbox.serve() as served, requests.Session() as browser:
        browser.trust_env = False
        with Integration(
            one.client_id, one.client_secret, one.redirect_uri,
            store=FileStore(tmp_path / "tokens"), base_url=served.url,
        ) as integration:  # fmt: skip
            page = browser.post(
                integration.consent_url("s"), data={"decision": "agree"},
                allow_redirects=False, timeout=5,
            )  # fmt: skip
            account = integration.callback(query(page.headers["Location"]), state="s")
            assert account.request.get(ACCOUNT).data["subdomain"] == "example"
            sandbox.uninstall()
            assert integration.removed(sandbox.uninstall_hook().params) == HOST


# What a stranger, or trouble here, must not cost -------------------------------------------------


def hook_of(sandbox: Sandbox) -> dict[str, str]:
    return dict(sandbox.uninstall_hook("example").params)


def test_a_hook_removes_nothing_while_another_thread_refreshes_the_token(
    integration: Integration, sandbox: Sandbox, clock: ManualClock
) -> None:
    account = install(integration, sandbox)
    clock.advance(DAY + 1)
    tried: list[object] = []

    def removes(_: object) -> None:
        # A handler cannot call with the token that is being obtained; this says nothing about it.
        with pytest.raises(NotAuthorizedError):
            integration.removed(hook_of(sandbox))
        tried.append(integration.accounts())

    account.once("connection:beforeRefreshToken", removes)
    assert account.request.get(ACCOUNT).info.status_code == 200
    assert tried == [[HOST]]


def test_a_client_with_an_unsaved_pair_is_not_displaced(new: New, sandbox: Sandbox) -> None:
    store = Broken()
    integration = new(store=store, max_clients=1)
    install(integration, sandbox, "other")
    account = install(integration, sandbox)
    store.trouble = OSError("no space left")
    with pytest.raises(TokenStoreError):
        account.connection.refresh_token()
    store.trouble = None
    integration.account("other")
    assert integration.account("example") is account
    account.request.get(ACCOUNT)
    account.connection.refresh_token()
    assert sandbox.counters["grants.refused"] == 0


def test_a_client_that_calls_after_the_hook_does_not_restore_the_account(
    new: New, sandbox: Sandbox
) -> None:
    one, other = new(), new()
    install(one, sandbox)
    late = install(other, sandbox)
    hook = sandbox.uninstall_hook()
    sandbox.uninstall()
    assert one.removed(hook.params) == HOST
    with pytest.raises(GrantError, match=r"switched off|revoked"):
        late.request.get(ACCOUNT)
    assert one.accounts() == other.accounts() == []
    assert other.removed(hook.params) is None


# Whose pair it is, when the store or amoCRM does not help ---------------------------------------


def test_a_pair_without_a_known_account_replaces_none_when_the_redirect_is_repeated(
    new: New, sandbox: Sandbox, store: MemoryStore
) -> None:
    """The host has passed on, the token has no claims, and amoCRM does not say the account."""
    integration = new(session=opaque(sandbox))
    install(integration, sandbox)
    key = Key(sandbox.integration.client_id, str(sandbox.account("example").id))
    before = store.load(key)
    sandbox.move("example", "renamed")
    newcomer = sandbox.add_account("example")
    sandbox.inject("server_error", path=ACCOUNT, times=5)
    redirect = agreed(integration, sandbox, newcomer.host)
    for _ in range(2):
        with pytest.raises(TokenStoreError, match="did not say which account"):
            integration.callback(redirect, state="s")
    assert store.load(key) == before is not None


def test_a_pair_that_is_saved_late_does_not_move_a_host_back(
    new: New, sandbox: Sandbox, clock: ManualClock
) -> None:
    store = Broken()
    integration = new(store=store)
    account = install(integration, sandbox)
    number = sandbox.account("example").id
    clock.advance(DAY + 1)
    store.trouble = OSError("no space left")
    with pytest.raises(TokenStoreError):
        account.request.get(ACCOUNT)
    store.trouble = None
    sandbox.move("example", "renamed")
    newcomer = sandbox.add_account("example")
    install(new(store=store), sandbox, newcomer.host)
    assert account.connection.save_again()
    later = new(store=store)
    assert later.account("example").connection.status().account_id == newcomer.id
    assert later.account(id=number).connection.connect()
    assert later.account(id=number).connection.get_token() == account.connection.get_token()


def meanwhile(
    sandbox: Sandbox, act: Callable[[], object], kind: bytes = b"refresh_token"
) -> requests.Session:
    """A session that calls a function while the first grant is in progress."""
    acts = [act]

    def respond(environ: Any) -> Answer:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if kind in body and acts:
            acts.pop()()
        return sandbox.respond({**environ, "wsgi.input": io.BytesIO(body)})

    session = requests.Session()
    session.mount("https://", SandboxAdapter(respond, sandbox.clock))
    return session


@pytest.mark.parametrize("seconds_left", [200, -1], ids=["due", "expired"])
@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_a_new_consent_during_a_refresh_fails_no_call(
    new: New, sandbox: Sandbox, clock: ManualClock, where: str, seconds_left: int
) -> None:
    reported: list[object] = []

    def switch_off_and_on() -> None:
        sandbox.uninstall()
        install(one if where == "here" else new(), sandbox)

    one = new(session=meanwhile(sandbox, switch_off_and_on))
    account = install(one, sandbox)
    subscribe: Any = account.on
    subscribe("error", lambda error, _: reported.append(error))
    clock.advance(DAY - seconds_left)
    assert account.request.get(ACCOUNT).info.status_code == 200
    assert (reported, account.connection.status().refused) == ([], None)
    assert sandbox.counters["grants.refused"] == 1


class Forgetful(Broken):
    """Cannot read a text that is there."""

    lost: Key | None = None

    def load(self, key: Key) -> str | None:
        text = super().load(key)
        if text is not None and key == self.lost:
            raise OSError("cannot be read")
        return text


@pytest.mark.parametrize("outage", ["saving", "reading"])
def test_on_installed_is_called_after_an_outage_of_the_store(
    new: New, sandbox: Sandbox, outage: str
) -> None:
    store = Forgetful()
    integration, reported = new(store=store), list[int | None]()
    site = Client(integration.wsgi_app(lambda one: reported.append(one.connection.account_id)))
    redirect = urlsplit(sandbox.install_widget()).query
    if outage == "saving":
        store.trouble = OSError("no space left")
    else:
        # The new pair is saved, but the next read fails.
        store.lost = Key(sandbox.integration.client_id, str(sandbox.account().id))
    assert site.get(f"/?{redirect}").status_code == 503
    store.trouble = store.lost = None
    for _ in range(2):
        assert site.get(f"/?{redirect}").status_code == 200
    assert reported == [sandbox.account().id]
    assert sandbox.counters["grants.code"] == 1


@pytest.mark.parametrize("known", ["held", "just loaded"])
def test_the_pair_of_another_account_s_code_is_stored_under_that_account(
    integration: Integration, new: New, sandbox: Sandbox, clock: ManualClock, known: str
) -> None:
    """A host has passed on, and a client of the old account gets a code of the new one."""
    client = install(integration, sandbox)
    if known == "just loaded":
        client = new().account(id=sandbox.account("example").id)
    sandbox.move("example", "renamed")
    newcomer = sandbox.add_account("example")
    clock.advance(DAY + 1)
    with pytest.raises(ConfigurationError, match=f"opens account {newcomer.id}, but"):
        client.connection.set_code(sandbox.issue_code(newcomer))
    same_client = integration.account(id=newcomer.id)
    assert same_client.request.get(ACCOUNT).data["subdomain"] == "example"
    assert client.request.get(ACCOUNT).data["subdomain"] == "renamed"
    assert sandbox.counters["grants.code"] == 2


def test_a_token_set_by_a_user_does_not_move_a_host_back(
    integration: Integration, sandbox: Sandbox, clock: ManualClock, store: MemoryStore
) -> None:
    old = install(integration, sandbox).connection.get_token()
    sandbox.move("example", "renamed")
    newcomer = sandbox.add_account("example")
    install(integration, sandbox, newcomer.host)
    one = sandbox.integration
    auth: Any = {
        "client_id": one.client_id,
        "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri,
    }
    for token in (old, {"access_token": sandbox.issue_long_lived("renamed")}):
        with AmoCRM("example", auth, store=store, session=sandbox.session(), clock=clock) as crm:
            with pytest.raises(ConfigurationError, match=f"but .* account {newcomer.id}"):
                crm.connection.set_token(token)
    assert integration.account("example").connection.account_id == newcomer.id


def test_renewals_of_the_accounts_are_spread(
    integration: Integration, sandbox: Sandbox, clock: ManualClock
) -> None:
    account = install(integration, sandbox)
    token = read_token(account.connection.get_token())
    clock.advance(DAY - REFRESH_EARLY - token._share_of(REFRESH_SPREAD) - 1)
    assert account.request.get(ACCOUNT).info.status_code == 200
    assert account.connection.status().freshness == "fresh"
    assert sandbox.counters["grants.refresh"] == 0
    clock.advance(2)
    assert account.connection.status().freshness == "stale"
    for _ in range(3):
        assert account.request.get(ACCOUNT).info.status_code == 200
    assert sandbox.counters["grants.refresh"] == 1


def test_reloading_a_redirect_does_not_send_a_refused_pair_again(
    integration: Integration, sandbox: Sandbox, clock: ManualClock
) -> None:
    redirect = agreed(integration, sandbox)
    account = integration.callback(redirect, state="s")
    clock.advance(DAY - 200)
    refresh_elsewhere(sandbox, account.connection.get_token() or {})
    for _ in range(2):
        assert account.request.get(ACCOUNT).info.status_code == 200
        assert integration.callback(redirect, state="s") is account
        clock.advance(REFRESH_COOLDOWN + 1)
    assert sandbox.counters["grants.refused"] == 1
    assert account.connection.status().refused is not None


def test_a_host_of_two_accounts_opens_neither_while_the_store_fails(
    new: New, sandbox: Sandbox
) -> None:
    store = Broken()
    integration = new(store=store)
    install(integration, sandbox)
    sandbox.move("example", "renamed")
    newcomer = sandbox.add_account("example")
    account = install(integration, sandbox, newcomer.host)
    store.reading = OSError("cannot be read")
    with pytest.raises(TokenStoreError):
        integration.account("example")
    assert integration.account(id=newcomer.id) is account
