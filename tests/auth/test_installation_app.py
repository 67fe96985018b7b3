"""The WSGI app of an integration: its responses to browsers, amoCRM's servers and strangers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Response

from amocrm import AmoCRM, ConfigurationError, Integration, MemoryStore
from amocrm.api_limits import CODE_SECONDS
from amocrm.sandbox import ManualClock, Sandbox
from tests.auth.test_integration import ACCOUNT, HOST, TOKENS

HTTPS = "https://shop.example/amo/back"


class Site:
    """A site with the app under /amo, and a record of its handlers' calls."""

    def __init__(self, sandbox: Sandbox, clock: ManualClock, uri: str, **settings: Any) -> None:
        self.sandbox = sandbox
        self.settings = one = sandbox.add_integration(uri)
        self.integration = Integration(
            one.client_id, one.client_secret, uri,
            store=MemoryStore(), session=sandbox.session(), clock=clock,
        )  # fmt: skip
        self.installed: list[str] = []
        self.removed: list[str] = []

        def on_installed(account: AmoCRM) -> None:
            self.installed.append(account.request.get(ACCOUNT).data["subdomain"])

        handlers: dict[str, Any] = {
            "on_installed": on_installed, "on_removed": self.removed.append, **settings,
        }  # fmt: skip
        app = self.integration.wsgi_app(**handlers)
        self.app = DispatcherMiddleware(Response("404", 404), {"/amo": app})
        self.browser = self.another_browser()

    def another_browser(self) -> Client:
        origin = urlsplit(self.settings.redirect_uri)
        return Browser(self.app, f"{origin.scheme}://{origin.netloc}")

    def start(self) -> str:
        """Open the start page; return the consent URL."""
        answer = self.browser.get("/amo/install")
        assert answer.status_code == 302
        return str(answer.headers["Location"])

    def agree(self, account: str = "example") -> str:
        return self.sandbox.agree(self.start(), account)

    def hook(self, account: str = "example") -> str:
        query = urlsplit(self.sandbox.uninstall_hook(account, self.settings).url).query
        return f"/amo/uninstall?{query}"


class Browser(Client):
    """Visits one origin."""

    def __init__(self, app: Any, origin: str) -> None:
        super().__init__(app)
        self._origin = origin

    def open(self, *args: Any, **options: Any) -> TestResponse:
        parts = urlsplit(args[0])
        return super().open(parts.path, query_string=parts.query, base_url=self._origin, **options)


Make = Callable[..., Site]


@pytest.fixture
def make(sandbox: Sandbox, clock: ManualClock) -> Make:
    def make(uri: str = HTTPS, **settings: Any) -> Site:
        return Site(sandbox, clock, uri, **settings)

    return make


@pytest.fixture
def site(make: Make) -> Site:
    return make()


# Installing --------------------------------------------------------------------------------------


def test_a_person_installs_and_may_reload_the_page(site: Site, sandbox: Sandbox) -> None:
    redirect = site.agree()
    for _ in range(2):
        answer = site.browser.get(redirect)
        assert answer.status_code == 200
        assert "Интеграция подключена" in answer.text
        assert "The integration is installed" in answer.text
    assert site.installed == ["example"]
    assert site.integration.accounts() == [HOST]
    assert sandbox.counters["grants.code"] == 1


def test_the_consent_page_redirects_in_the_same_window(site: Site) -> None:
    consent = dict(parse_qsl(urlsplit(site.start()).query))
    assert consent["mode"] == "post_message"
    assert consent["client_id"] == site.settings.client_id
    assert len(consent["state"]) >= 32
    assert dict(parse_qsl(urlsplit(site.start()).query))["state"] != consent["state"]


@pytest.mark.parametrize(
    ("uri", "name", "secure"),
    [
        (HTTPS, "__Host-amocrm_state", True),
        ("http://127.0.0.1:5000/amo/", "amocrm_state", False),
    ],
)
def test_the_state_is_in_a_cookie_hidden_from_scripts_and_other_sites(
    make: Make, uri: str, name: str, secure: bool
) -> None:
    site = make(uri)
    answer = site.browser.get("/amo/install")
    cookie = site.browser.get_cookie(name, urlsplit(uri).hostname or "")
    assert cookie is not None
    assert cookie.value in answer.headers["Location"]
    assert (cookie.http_only, cookie.same_site, cookie.secure) == (True, "Lax", secure)
    assert (cookie.path, cookie.max_age) == ("/", CODE_SECONDS)
    assert site.browser.get(site.sandbox.agree(answer.headers["Location"])).status_code == 200


@pytest.mark.parametrize("start", ["/install", "/go/there/"])
def test_the_start_path_is_below_the_mount(make: Make, start: str) -> None:
    site = make(start=start)
    for path in (start, start.rstrip("/") + "/", start.rstrip("/")):
        assert site.browser.get("/amo" + path).status_code == 302
    for path in ("/amo", "/amo/", "/amo/other", start, "/amo/x" + start):
        assert site.browser.get(path).status_code == 404


@pytest.mark.parametrize("start", ["install", "", None])
def test_a_start_that_is_not_a_path_is_refused(make: Make, start: str) -> None:
    with pytest.raises(ConfigurationError, match="begins with /"):
        make(start=start)


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("state=", "state=x"),
        lambda url: url.partition("&state=")[0],
        lambda url: url.replace("referer=example.amocrm.ru", "referer=evil.example"),
        lambda url: url.replace("referer=example.amocrm.ru", "referer="),
        lambda url: url.replace("code=", "code=&other="),
        lambda url: url.replace("state=", "from_widget=1&other="),
    ],
    ids=["state", "no state", "referer", "no referer", "no code", "widget with a cookie"],
)
def test_a_forged_redirect_installs_nothing(
    site: Site, sandbox: Sandbox, change: Callable[[str], str]
) -> None:
    answer = site.browser.get(change(site.agree()))
    assert answer.status_code == 400
    assert "Этот ответ не подходит" in answer.text
    assert (site.installed, sandbox.counters["grants.code"]) == ([], 0)


def test_a_redirect_of_another_browser_is_refused(site: Site) -> None:
    answer = site.another_browser().get(site.agree())
    assert answer.status_code == 400
    assert "there is no state to compare it with" in answer.text
    assert "callback(" not in answer.text, "the hint is for programmers"
    assert site.installed == []


def test_a_widget_s_call_installs_without_a_cookie(site: Site) -> None:
    call = site.sandbox.install_widget("other", site.settings)
    assert site.another_browser().get(call).status_code == 200
    assert site.installed == ["other"]


def test_a_refusal_is_shown(site: Site) -> None:
    answer = site.browser.get(site.sandbox.deny(site.start()))
    assert answer.status_code == 200
    assert "Доступ не разрешён" in answer.text
    assert "access was refused on the consent page" in answer.text


def test_pages_of_the_installation_app_are_escaped(site: Site) -> None:
    state = dict(parse_qsl(urlsplit(site.start()).query))["state"]
    for query in (
        f"error=<script>alert(1)</script>&state={state}",
        f"code=c&referer=<script>alert(1)</script>&state={state}",
    ):
        answer = site.browser.get(f"/amo/?{query}")
        assert "<script" not in answer.text
        assert "&lt;script&gt;" in answer.text


@pytest.mark.parametrize("path", ["/amo/install", "/amo/?code=c", "/amo/?signature=s", "/amo/"])
def test_pages_whose_url_has_a_code_are_not_cached_and_send_no_referrer(
    site: Site, path: str
) -> None:
    headers = site.browser.get(path).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_only_get_is_answered(site: Site, sandbox: Sandbox, method: str) -> None:
    for url in (site.agree(), site.hook(), "/amo/install"):
        answer = site.browser.open(url, method=method)
        assert answer.status_code == 405
        assert answer.headers["Allow"] == "GET"
    assert sandbox.counters["grants.code"] == 0


def test_the_reason_of_a_refused_code_is_in_the_log_and_not_on_the_page(
    site: Site, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    redirect = site.agree()
    clock.advance(CODE_SECONDS)
    answer = site.browser.get(redirect)
    assert answer.status_code == 400
    assert "Подключить не удалось" in answer.text
    assert "20 minutes" not in answer.text
    assert "older than 20 minutes" in caplog.text


def test_reloading_the_page_after_an_outage_installs(site: Site, sandbox: Sandbox) -> None:
    redirect = site.agree()
    sandbox.inject("server_error", path=TOKENS)
    answer = site.browser.get(redirect)
    assert answer.status_code == 503
    assert "Обновите эту страницу" in answer.text
    assert site.browser.get(redirect).status_code == 200
    assert site.installed == ["example"]


def test_a_host_that_passed_to_another_account_is_installed_for_that_account(
    site: Site, sandbox: Sandbox
) -> None:
    site.browser.get(site.agree())
    first = sandbox.account().id
    sandbox.move("example", "renamed")
    newcomer = sandbox.add_account("example")
    assert site.browser.get(site.agree(newcomer.host)).status_code == 200
    ids = [site.integration.account(id=one).connection.account_id for one in (first, newcomer.id)]
    assert ids == [first, newcomer.id]


def test_threads_with_the_same_redirect_call_on_installed_once(site: Site) -> None:
    redirect, gate = site.agree(), threading.Barrier(6)

    def load(_: int) -> int:
        gate.wait(60)
        return site.browser.get(redirect).status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(load, range(6))) == {200}
    assert site.installed == ["example"]


# Leaving -----------------------------------------------------------------------------------------


def test_the_uninstall_hook_removes_once(site: Site, sandbox: Sandbox) -> None:
    site.browser.get(site.agree())
    hook = site.hook()
    sandbox.uninstall("example", site.settings)
    for _ in range(2):
        assert site.another_browser().get(hook).status_code == 200
    assert site.removed == [HOST]
    assert site.integration.accounts() == []


def test_a_forged_hook_is_refused(site: Site, sandbox: Sandbox) -> None:
    site.browser.get(site.agree())
    sandbox.uninstall("example", site.settings)
    forged = site.hook()[:-1] + "_"
    answer = site.another_browser().get(forged)
    assert answer.status_code == 403
    assert (site.removed, site.integration.accounts()) == ([], [HOST])


def test_a_hook_that_is_repeated_after_a_new_installation_removes_nothing(
    site: Site, sandbox: Sandbox
) -> None:
    site.browser.get(site.agree())
    hook = site.hook()
    sandbox.uninstall("example", site.settings)
    site.browser.get(hook)
    site.browser.get(site.agree())
    assert site.browser.get(hook).status_code == 200
    assert (site.installed, site.removed) == (["example"] * 2, [HOST])
    assert site.integration.account("example").request.get(ACCOUNT).info.status_code == 200


def test_a_hook_that_cannot_be_checked_removes_nothing(
    site: Site, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    site.browser.get(site.agree())
    sandbox.uninstall("example", site.settings)
    sandbox.inject("server_error", path=ACCOUNT, times=5)
    assert site.browser.get(site.hook()).status_code == 503
    assert "the token stays" in caplog.text
    assert (site.removed, site.integration.accounts()) == ([], [HOST])


# Handlers ----------------------------------------------------------------------------------------


def test_a_handler_that_raises_does_not_undo_the_installation(
    make: Make, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a mistake of mine")

    site = make(on_installed=fail, on_removed=fail)
    assert site.browser.get(site.agree()).status_code == 200
    assert site.integration.accounts() == [HOST]
    assert "on_installed failed" in caplog.text
    sandbox.uninstall("example", site.settings)
    assert site.browser.get(site.hook()).status_code == 200
    assert site.integration.accounts() == []
    assert "on_removed failed" in caplog.text
    assert caplog.text.count("RuntimeError: a mistake of mine") == 2


def test_handlers_are_optional(make: Make, sandbox: Sandbox) -> None:
    site = make(on_installed=None, on_removed=None)
    assert site.browser.get(site.agree()).status_code == 200
    sandbox.uninstall("example", site.settings)
    assert site.browser.get(site.hook()).status_code == 200


# Secrets -----------------------------------------------------------------------------------------


def test_no_secret_is_on_a_page_or_in_a_log(
    site: Site, sandbox: Sandbox, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    redirects = [site.agree(), site.agree("other")]
    shown = "".join(site.browser.get(url).text for url in (redirects[1], *redirects, *redirects))
    secrets = [site.settings.client_secret]
    for name in site.integration.accounts():
        token = site.integration.account(name).connection.get_token() or {}
        secrets += [token["access_token"], token["refresh_token"]]
    stale = site.agree()
    clock.advance(CODE_SECONDS)
    shown += site.browser.get(stale).text
    hook = site.hook()
    sandbox.uninstall("example", site.settings)
    shown += site.browser.get(hook).text + caplog.text
    for url in (*redirects, stale, hook):
        parts = dict(parse_qsl(urlsplit(url).query))
        secrets += [parts[name] for name in ("code", "state", "signature") if name in parts]
    assert len(secrets) == 10
    assert [secret for secret in secrets if secret in shown] == []
