"""The redirect server: browsers, strangers, a port in use."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for_futures
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from amocrm import (
    AccessDeniedError,
    AmoCRM,
    ConfigurationError,
    Connection,
    GrantError,
    NotAuthorizedError,
)
from amocrm.auth.redirect.query import RedirectResult
from amocrm.auth.redirect.server import RedirectListener
from amocrm.auth.settings import REDIRECT_DEADLINE, RedirectServer
from amocrm.sandbox import Sandbox
from tests.conftest import Browse, Make


def visit(crm: AmoCRM, sandbox: Sandbox, browse: Browse, change: Callable[[str], str]) -> list[str]:
    """Connect; send the browser to a changed redirect first, then to the right one."""
    pages: list[str] = []

    def both(connection: Connection) -> None:
        true = sandbox.agree(connection.get_auth_url())
        for url in (change(true), true):
            answer = browse(url)
            pages.append(f"{answer.status_code} {answer.content.decode()}")

    crm.on("connection:beforeConsent", both)
    crm.connect()
    return pages


def test_the_page_says_in_russian_and_english_that_access_is_granted(
    asking: AmoCRM, sandbox: Sandbox, browse: Browse
) -> None:
    pages = visit(asking, sandbox, browse, lambda url: url.replace("state=", "state=x"))
    assert "Доступ разрешён" in pages[1]
    assert "Access granted" in pages[1]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda url: url.replace("state=", "state=x"), 400),
        (lambda url: url.partition("&state=")[0], 400),
        (lambda url: url.replace("referer=example.amocrm.ru", "referer=evil.example"), 400),
        (lambda url: url.partition("?")[0], 404),
        (lambda url: url.partition("/back")[0] + "/favicon.ico", 404),
        (lambda url: url.replace("code=", "other="), 404),
        (lambda url: url + "&pad=" + "x" * 10_000_000, 414),
    ],
    ids=["forged state", "no state", "forged referer", "no query", "icon", "no code", "10 MB"],
)
def test_a_foreign_redirect_does_not_end_the_wait(
    asking: AmoCRM,
    sandbox: Sandbox,
    browse: Browse,
    change: Callable[[str], str],
    status: int,
) -> None:
    try:
        pages = visit(asking, sandbox, browse, change)
    except requests.ConnectionError:
        # The server closes on 10 MB while they are still being sent: the client may see a reset.
        assert status == 414
        return
    assert pages[0].startswith(str(status))
    assert asking.connection.connected


def test_the_page_of_the_redirect_server_is_escaped(
    asking: AmoCRM, sandbox: Sandbox, browse: Browse
) -> None:
    evil = "%3Cscript%3Ealert(1)%3C/script%3E"
    pages = visit(asking, sandbox, browse, lambda url: url.replace("example.amocrm.ru", evil))
    assert pages[0].startswith("400")
    assert "<script>" not in pages[0]
    assert "&lt;script&gt;" in pages[0]


def test_pages_are_not_cached_and_send_no_referrer(
    asking: AmoCRM, sandbox: Sandbox, browse: Browse
) -> None:
    headers: list[requests.Response] = []
    asking.on(
        "connection:beforeConsent",
        lambda connection: headers.append(browse(sandbox.agree(connection.get_auth_url()))),
    )
    asking.connect()
    assert headers[0].headers["Cache-Control"] == "no-store"
    assert headers[0].headers["Referrer-Policy"] == "no-referrer"
    assert headers[0].headers["Content-Type"] == "text/html; charset=utf-8"


def test_a_repeated_redirect_shows_that_the_code_has_arrived(
    asking: AmoCRM, sandbox: Sandbox, browse: Browse
) -> None:
    pages: list[str] = []

    def twice(connection: Connection) -> None:
        url = sandbox.agree(connection.get_auth_url())
        pages.extend(browse(url).content.decode() for _ in range(2))

    asking.on("connection:beforeConsent", twice)
    asking.connect()
    assert "Код получен" in pages[0]
    assert "Ответ уже получен" in pages[1]
    assert sandbox.counters["grants.code"] == 1


def test_a_browser_that_disconnects_early_ends_the_wait(asking: AmoCRM, sandbox: Sandbox) -> None:
    def glance(connection: Connection) -> None:
        parts = urlsplit(sandbox.agree(connection.get_auth_url()))
        with socket.create_connection((str(parts.hostname), int(parts.port or 0))) as peer:
            peer.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            # The rest is not read: closing now resets the connection of the server.
            assert peer.recv(1) == b"H"

    asking.on("connection:beforeConsent", glance)
    asking.connect()
    assert asking.connection.connected


def test_only_get_is_answered(asking: AmoCRM, sandbox: Sandbox, browse: Browse) -> None:
    statuses: list[int] = []

    def post(connection: Connection) -> None:
        url = sandbox.agree(connection.get_auth_url())
        with requests.Session() as browser:
            browser.trust_env = False
            statuses.append(browser.post(url, timeout=5).status_code)
        browse(url)

    asking.on("connection:beforeConsent", post)
    asking.connect()
    assert statuses == [405]


def test_consent_for_another_account_is_an_error_that_names_both(
    asking: AmoCRM, sandbox: Sandbox, browse: Browse
) -> None:
    asking.on(
        "connection:beforeConsent",
        lambda connection: browse(sandbox.agree(connection.get_auth_url(), "other")),
    )
    with pytest.raises(AccessDeniedError, match=r"other\.amocrm\.ru.*example\.amocrm\.ru"):
        asking.connect()


def test_the_wait_ends_at_the_deadline(make: Make, free_port: int) -> None:
    crm = make({"server": {"port": free_port, "timeout": 0.01}})
    with pytest.raises(NotAuthorizedError, match=r"no redirect came within 0\.01 s"):
        crm.connect()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", free_port))
    assert REDIRECT_DEADLINE == 300


def test_a_port_in_use_raises_a_configuration_error(make: Make) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        crm = make({"server": {"port": port, "timeout": 5}})
        with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{port}.*free it"):
            crm.connect()


def test_a_foreign_address_raises_a_configuration_error(make: Make) -> None:
    crm = make({"server": {"port": 0, "host": "192.0.2.1", "timeout": 5}})
    with pytest.raises(ConfigurationError, match=r"cannot listen on 192\.0\.2\.1"):
        crm.connect()


def test_port_0_chooses_a_free_port(sandbox: Sandbox) -> None:
    with RedirectListener(RedirectServer(0, timeout=5), lambda _: RedirectResult("c")) as listener:
        assert listener.port > 0
        listener.deliver(RedirectResult("c"))
        listener.deliver(RedirectResult("late"))
        assert listener.wait() == RedirectResult("c")


def test_the_wait_ends_after_the_page_is_written() -> None:
    """A program that ends right after the wait must not interrupt the page."""
    writing, go = threading.Event(), threading.Event()

    class SlowError(AccessDeniedError):
        """Blocks the writing of the page until `go`."""

        def __str__(self) -> str:
            writing.set()
            assert go.wait(30)
            return "told on the page"

    denied = RedirectResult(error=SlowError("no"))
    with (
        RedirectListener(RedirectServer(0, timeout=30), lambda _: denied) as listener,
        ThreadPoolExecutor(1) as pool,
        socket.create_connection(("127.0.0.1", listener.port)) as browser,
    ):
        waiting = pool.submit(listener.wait)
        browser.sendall(b"GET /?error=access_denied HTTP/1.1\r\nHost: x\r\n\r\n")
        assert writing.wait(30)
        assert not wait_for_futures([waiting], timeout=0.2).done
        go.set()
        assert waiting.result(30) == denied
        page = b""
        while piece := browser.recv(1_000_000):
            page += piece
    assert b"told on the page" in page
    assert page.rstrip().endswith(b"</html>")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.1 is the only loopback")
def test_only_the_loopback_address_is_bound(make: Make, free_port: int, sandbox: Sandbox) -> None:
    crm = make({"server": {"port": free_port, "timeout": 60}})
    bound: list[bool] = []

    def look(connection: Connection) -> None:
        # If the server listened on all addresses, another loopback address could not be bound.
        with socket.socket() as other:
            other.bind(("127.0.0.3", free_port))
            bound.append(True)
        threading.Thread(target=connection.set_code, args=(sandbox.issue_code(),)).start()

    crm.on("connection:beforeConsent", look)
    crm.connect()
    assert bound == [True]


def test_each_consent_has_another_state(make: Make, free_port: int) -> None:
    crm = make({"server": {"port": free_port, "timeout": 0.01}})
    states: list[str] = []
    crm.on("connection:beforeConsent", lambda connection: states.append(connection.get_state()))
    for _ in range(2):
        with pytest.raises(NotAuthorizedError):
            crm.connect()
    assert len(set(states)) == 2


def test_a_configured_state_must_come_back(
    asking: AmoCRM, sandbox: Sandbox, browse: Browse
) -> None:
    asking.connection.set_state("order-77")

    def agree(connection: Connection) -> None:
        url = sandbox.agree(connection.get_auth_url())
        assert parse_qs(urlsplit(url).query)["state"] == ["order-77"]
        browse(url)

    asking.on("connection:beforeConsent", agree)
    assert asking.connect()


def test_all_waiting_threads_get_the_same_refusal(
    asking: AmoCRM, sandbox: Sandbox, browse: Browse
) -> None:
    ready = threading.Event()
    urls: list[str] = []

    def on_consent(connection: Connection) -> None:
        urls.append(sandbox.deny(connection.get_auth_url()))
        ready.set()

    asking.on("connection:beforeConsent", on_consent)
    with ThreadPoolExecutor(4) as pool:
        waiting: list[Future[bool]] = [pool.submit(asking.connect) for _ in range(4)]
        assert ready.wait(60)
        browse(urls[0])
        refused = [one.exception(60) for one in waiting]
    assert all(isinstance(error, AccessDeniedError) for error in refused)
    # A thread that came after the refusal starts again; the waiting threads share the refusal.
    assert len({id(error) for error in refused}) <= len(urls)


def test_a_refused_code_raises_after_the_redirect(
    asking: AmoCRM, sandbox: Sandbox, browse: Browse
) -> None:
    asking.on(
        "connection:beforeConsent",
        lambda connection: browse(
            sandbox.agree(connection.get_auth_url()).replace("code=", "code=x")
        ),
    )
    with pytest.raises(GrantError, match="damaged"):
        asking.connect()


def test_ctrl_c_during_the_wait_closes_the_port(make: Make, free_port: int) -> None:
    crm = make({"server": {"port": free_port, "timeout": 30}})

    def interrupt(_: Connection) -> None:
        raise KeyboardInterrupt

    crm.on("connection:beforeConsent", interrupt)
    with pytest.raises(KeyboardInterrupt):
        crm.connect()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", free_port))


WAITING = """
import signal
from amocrm import AmoCRM

# A process in the background inherits an ignored SIGINT.
signal.signal(signal.SIGINT, signal.default_int_handler)
auth = {"client_id": "i", "client_secret": "s", "redirect_uri": "http://127.0.0.1:1/"}
crm = AmoCRM("example", {**auth, "server": {"port": 0, "timeout": 60}})
crm.on("connection:beforeConsent", lambda _: print("waiting", flush=True))
try:
    crm.connect()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
def test_a_real_ctrl_c_ends_the_wait_at_once() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITING], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert out == "interrupted\n"
    assert process.returncode == 0
