"""`amocrm doctor`: each check by a table, and all of them on a served sandbox."""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import trustme

from amocrm import UnreachableError
from amocrm.auth.status import ConnectionStatus
from amocrm.cli.doctor import access, local, network
from amocrm.cli.doctor.finding import DAY, failed
from amocrm.cli.keeping import LastRun
from amocrm.rate_limit.file import FileRateLimiter
from amocrm.sandbox import Sandbox
from amocrm.sandbox.clock import SystemClock
from amocrm.stores.file import FileStore
from amocrm.stores.store import Key
from tests.cli.conftest import Run, Shop

NOW = 1_800_000_000.0
STATUS = ConnectionStatus(
    "a.amocrm.ru", "a.amocrm.ru", 7, "fresh", NOW + 3600, True, NOW + 60 * DAY, False
)


def greeting(**parts: Any) -> network.Greeting:
    usual = network.Greeting("TLSv1.3", "Some CA", NOW + 90 * DAY, None, NOW, NOW)
    return usual._replace(**parts)


# Network -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxy", "state", "shown"),
    [(None, "ok", "none"),
     ("http://user:hunter2@proxy.example:3128", "ok", "http://proxy.example:3128"),
     ("proxy.example:8080", "ok", "http://proxy.example:8080"),
     ("http://proxy.example:port", "failed", "its address is no URL"),
     ("http://", "failed", "its address is no URL")],
)  # fmt: skip
def test_proxy(proxy: str | None, state: str, shown: str) -> None:
    found = network.check_proxy(proxy)
    assert (found.state, found.found) == (state, shown)


def test_dns() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    found = network.check_dns("no.amocrm.ru", 443, None, unknown)
    assert (found.state, found.found) == ("failed", "no.amocrm.ru: Name or service not known")
    assert "DNS" in found.advice
    found = network.check_dns("a.amocrm.ru", 443, None, lambda host, port: ["192.0.2.1", "::1"])
    assert found[1:] == ("ok", "a.amocrm.ru: 192.0.2.1, ::1", "")
    assert network.check_dns("a.amocrm.ru", 443, "http://proxy", unknown).state == "skipped"


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(0, "ok"), (4, "ok"), (-4, "ok"), (30, "warning"), (-30, "warning"), (90, "failed"),
     (-86_400, "failed")],
)  # fmt: skip
def test_clock(seconds: int, state: str) -> None:
    date = formatdate(NOW - seconds, usegmt=True)
    assert network.check_clock(greeting(date=date)).state == state


@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_no_clock_to_compare_with(date: str | None) -> None:
    assert network.check_clock(greeting(date=date)).state == "skipped"
    assert network.check_clock(OSError("away")).state == "skipped"


def test_a_certificate_that_ends_soon() -> None:
    assert network.check_connection(greeting(), NOW, {}).state == "ok"
    soon = network.check_connection(greeting(valid_until=NOW + 3 * DAY), NOW, {})
    assert (soon.state, bool(soon.advice)) == ("warning", True)


def test_no_connection() -> None:
    refused = network.check_connection(ConnectionRefusedError(111, "Connection refused"), NOW, {})
    assert refused[:3] == ("connection", "failed", "Connection refused")
    assert "HTTPS_PROXY" in refused.advice
    late = network.check_connection(TimeoutError(), NOW, {})
    assert late.found == "no answer within 5 s"


def test_tls_with_a_ca_of_ones_own(tmp_path: Path) -> None:
    authority, certificate = trustme.CA(), tmp_path / "cert.pem"
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    key, ca = tmp_path / "key.pem", tmp_path / "ca.pem"
    issued.private_key_pem.write_to_path(str(key))
    authority.cert_pem.write_to_path(str(ca))
    clock = SystemClock()
    with Sandbox(seed=0).serve(tls=(str(certificate), str(key))) as server:
        origin = f"https://localhost:{server.port}"
        trusted = {"REQUESTS_CA_BUNDLE": str(ca)}
        found = network.greet(origin, None, clock, trusted)
        assert network.check_clock(found).state == "ok"
        shown = network.check_connection(found, clock.time(), trusted)
        assert shown.state == "ok"
        assert ", trustme v" in shown.found
        assert str(ca) in shown.found
        with tunnel("user", "hunter2") as proxy:
            assert network.greet(origin, proxy, clock, trusted).issuer == found.issuer
            with pytest.raises(OSError, match="407"):
                network.greet(origin, proxy.replace("hunter2", "wrong"), clock, trusted)
        with pytest.raises(ssl.SSLCertVerificationError) as refused:
            network.greet(origin, None, clock, {})
        problem = network.check_connection(refused.value, clock.time(), {})
        assert problem.state == "failed"
        assert "REQUESTS_CA_BUNDLE" in problem.advice


@contextmanager
def tunnel(user: str, password: str) -> Generator[str]:
    """Run a proxy that opens tunnels, one after another."""
    wanted = base64.b64encode(f"{user}:{password}".encode())
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for one in (source, sink):
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(65536)
            if b"Basic " + wanted not in head:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                client.close()
                continue
            host, _, port = head.split()[1].decode().rpartition(":")
            there = socket.create_connection((host, int(port)))
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=pump, args=(there, client))
            back.start()
            pump(client, there)
            back.join()
            client.close()
            there.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://{user}:{password}@127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


# Token and account -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "state", "advice"),
    [({}, "ok", ""),
     ({"freshness": "expired"}, "ok", ""),
     ({"freshness": None}, "failed", "amocrm login"),
     ({"refused": "Token has been revoked"}, "failed", "amocrm login"),
     ({"refresh_expires_at": NOW + 3 * DAY}, "warning", "keepalive"),
     ({"refresh_expires_at": NOW - DAY}, "failed", "keepalive"),
     ({"renewable": False, "refresh_expires_at": None, "expires_at": NOW + DAY}, "warning",
      "--token -"),
     ({"renewable": False, "refresh_expires_at": None, "expires_at": NOW + 99 * DAY}, "ok", ""),
     ({"renewable": False, "refresh_expires_at": None, "expires_at": None}, "ok", "")],
)  # fmt: skip
def test_token(change: dict[str, Any], state: str, advice: str) -> None:
    claims = access.TokenClaims(501, NOW - DAY, None, ("crm",))
    found = access.check_token(STATUS._replace(**change), claims, NOW)
    assert found.state == state
    assert advice in found.advice
    assert "revoked" not in found.found


def test_scopes() -> None:
    assert access.check_scopes(access.TokenClaims(scopes=("crm", "files"))).found == "crm, files"
    assert access.check_scopes(access.TokenClaims(scopes=("files",))).state == "failed"
    assert access.check_scopes(access.TokenClaims(scopes=())).state == "failed"
    assert access.check_scopes(access.TokenClaims()).state == "skipped"


def test_claims_of_a_strange_token() -> None:
    assert access.read_claims("") == access.TokenClaims()

    def token(**claims: Any) -> str:
        return f"x.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()}.x"

    assert access.read_claims(token(sub="501", scopes=["crm"], exp=NOW, iat="soon")) == (
        501, None, NOW, ("crm",)
    )  # fmt: skip
    assert access.read_claims(token(sub={}, scopes="crm", exp=1e99)) == access.TokenClaims()


def test_account() -> None:
    answer = {"id": 7, "current_user_id": 501}
    assert access.check_account(answer, STATUS, None).state == "ok"
    assert access.check_account(answer, STATUS, 7).state == "ok"
    assert access.check_account(answer, STATUS, 8).state == "failed"
    moved = access.check_account(answer, STATUS._replace(host="b.amocrm.ru"), 7)
    assert (moved.state, "renamed" in moved.advice) == ("warning", True)


@pytest.mark.parametrize(
    ("enabled", "state"), [(True, "ok"), (False, "warning"), (None, "skipped")]
)
def test_plan(enabled: bool | None, state: str) -> None:
    answer = {} if enabled is None else {"is_api_filter_enabled": enabled}
    assert access.check_plan(answer).state == state


def test_webhooks_that_are_switched_off() -> None:
    secret = "s" * 32
    listed = [
        {"destination": f"https://h.example/amocrm/account/7/{secret}", "disabled": True},
        {"destination": "https://other.example/key/hunter2?token=hunter2", "disabled": True},
        {"destination": "https://fine.example/", "disabled": False},
    ]
    found = access.check_webhooks(listed)
    assert found.state == "failed"
    assert found.found == (
        "switched off: https://h.example/amocrm/account/7/..., other.example/..."
    )
    assert access.check_webhooks(listed[2:]).state == "ok"


# This machine ------------------------------------------------------------------------------------


def test_store(tmp_path: Path) -> None:
    folder = tmp_path / "tokens"
    assert local.check_store(str(folder)).state == "ok"
    store, key = FileStore(folder), Key("client", "a.amocrm.ru")
    store.save(key, "{}", None)
    assert local.check_store(str(folder)).found.endswith("1 files, private")
    os.chmod(store.path(key), 0o644)
    found = local.check_store(str(folder))
    assert (found.state, "chmod 600" in found.advice) == ("failed", True)
    os.chmod(store.path(key), 0o600)
    os.chmod(folder, 0o777)
    found = local.check_store(str(folder))
    assert (found.state, "chmod go-w" in found.advice) == ("failed", True)


def test_rate_limiter(tmp_path: Path) -> None:
    path, clock = str(tmp_path / "limits"), SystemClock()
    ours = local.check_rate_limiter(FileRateLimiter(path), path, "amocrm.ru", clock)
    assert (ours.state, "IP" in ours.found) == ("ok", False)
    assert "IP" in local.check_rate_limiter(FileRateLimiter(path), path, "kommo.com", clock).found
    other = tmp_path / "letter"
    other.write_text("Dear Sir")
    other.chmod(0o600)
    found = local.check_rate_limiter(FileRateLimiter(other), str(other), "amocrm.ru", clock)
    assert (found.state, bool(found.advice)) == ("failed", True)


@pytest.mark.parametrize(
    ("last", "state"),
    [(None, "skipped"), (LastRun(NOW - DAY, 0), "ok"), (LastRun(NOW - DAY, 2), "warning"),
     (LastRun(NOW - 40 * DAY, 0), "warning")],
)  # fmt: skip
def test_keepalive(last: LastRun | None, state: str) -> None:
    assert local.check_keepalive(last, NOW).state == state


@pytest.mark.parametrize(
    ("uri", "is_free", "state"),
    [("", True, "skipped"),
     ("http://127.0.0.1:3000/", True, "ok"),
     ("http://127.0.0.1:3000/", False, "warning"),
     ("https://example.com/back?key=hunter2", True, "ok"),
     ("http://example.com/back", True, "warning"),
     ("https://example.com/back ", True, "failed"),
     ("example.com/back", True, "failed"),
     ("https://example.com:port/", True, "failed")],
)  # fmt: skip
def test_redirect_uri(uri: str, is_free: bool, state: str) -> None:
    found = local.check_redirect_uri(uri, lambda host, port: is_free)
    assert (found.check, found.state) == ("redirect_uri", state)
    assert bool(found.advice) == (state in ("warning", "failed"))
    assert "hunter2" not in str(found)


def test_an_error_brings_its_own_advice() -> None:
    assert failed("x", UnreachableError("away", hint="wait")) == ("x", "failed", "away", "wait")


# All of them -------------------------------------------------------------------------------------


def test_all_is_well(run: Run, account: Shop) -> None:
    ran = run("doctor", "--json")
    assert (ran.code, ran.err) == (0, "")
    found = {one["check"]: one for one in json.loads(ran.out)}
    assert list(found) == [
        "program", "profile", "proxy", "dns", "connection", "clock", "store", "rate_limiter",
        "keepalive", "redirect_uri", "token", "scopes", "account", "plan", "webhooks",
    ]  # fmt: skip
    assert {one["state"] for one in found.values()} <= {"ok", "skipped"}
    assert account.token not in ran.out
    assert account.token.split(".")[1] not in ran.out


@pytest.mark.usefixtures("account")
def test_people_read_it_in_full(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMOCRM_TOKEN", "revoked")
    ran = run("doctor", "-o", "table")
    assert ran.code == 1
    assert "X  account" in ran.out
    assert "…" not in ran.out


@pytest.mark.usefixtures("account")
def test_a_stopped_server(run: Run, free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMOCRM_BASE_URL", f"http://127.0.0.1:{free_port}")
    ran = run("doctor", "-o", "jsonl")
    found = {one["check"]: one for one in map(json.loads, ran.out.splitlines())}
    assert ran.code == 1
    assert found["connection"]["found"] == "Connection refused"
    assert found["clock"]["state"] == "skipped"
    assert found["account"]["state"] == "failed"


def test_without_an_account_it_says_how_to_get_one(run: Run) -> None:
    ran = run("doctor")
    assert ran.code == 1
    last = json.loads(ran.out.splitlines()[-1])
    assert last["check"] == "profile"
    assert "amocrm login" in last["advice"]
