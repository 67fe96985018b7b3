"""The examples for web frameworks: who sees which account's data, over each framework itself."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from amocrm import Integration, MemoryStore
from amocrm.sandbox import ManualClock, Sandbox

EXAMPLES = Path(__file__).parents[2] / "examples"
REDIRECT = "http://localhost/amocrm/"

pytestmark = pytest.mark.filterwarnings("ignore:Using `httpx` with")


class Page(NamedTuple):
    status: int
    location: str
    text: str


class Person(Protocol):
    """One browser: it keeps its cookies, and follows no redirect."""

    def visit(self, url: str) -> Page: ...
    def cookie(self) -> str | None: ...
    def plant(self, cookie: str) -> None: ...


class ByWSGI:
    def __init__(self, module: ModuleType) -> None:
        from werkzeug.test import Client

        self._client = Client(getattr(module, "application", None) or module.app)

    def visit(self, url: str) -> Page:
        parts = urlsplit(url)
        page = self._client.get(parts.path, query_string=parts.query, base_url="http://localhost")
        return Page(page.status_code, page.headers.get("Location", ""), page.text)

    def cookie(self) -> str | None:
        found = self._client.get_cookie(self._name)
        return None if found is None else found.value

    def plant(self, cookie: str) -> None:
        self._client.set_cookie(self._name, cookie)

    _name = "session"


class ByASGI:
    def __init__(self, module: ModuleType) -> None:
        from fastapi.testclient import TestClient

        self._client = TestClient(module.app, "http://localhost", follow_redirects=False)

    def visit(self, url: str) -> Page:
        parts = urlsplit(url)
        page = self._client.get(f"{parts.path}?{parts.query}")
        return Page(page.status_code, page.headers.get("Location", ""), page.text)

    def cookie(self) -> str | None:
        cookie: str | None = self._client.cookies.get("session")
        return cookie

    def plant(self, cookie: str) -> None:
        self._client.cookies.clear()
        self._client.cookies.set("session", cookie, domain="localhost.local")


FRAMEWORKS: dict[str, tuple[Callable[[ModuleType], Person], list[str]]] = {
    "flask": (ByWSGI, ["flask"]),
    "fastapi": (ByASGI, ["fastapi", "httpx", "itsdangerous"]),
    "django": (ByWSGI, ["django"]),
}


@pytest.fixture(params=FRAMEWORKS)
def framework(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    for distribution in FRAMEWORKS[name][1]:
        try:
            version(distribution)
        except PackageNotFoundError:
            # A gate that leaves an example out would say nothing.
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{distribution} is missing")
    return name


def environment(redirect_uri: str = REDIRECT) -> dict[str, str]:
    return {
        "AMOCRM_CLIENT_ID": "11111111-2222-3333-4444-555555555555",
        "AMOCRM_CLIENT_SECRET": "client-secret",
        "AMOCRM_REDIRECT_URI": redirect_uri,
        "SESSION_SECRET": "session-secret",
    }


def load(name: str) -> ModuleType:
    """Import an example; once in a process, as Django's settings can be made."""
    name = f"{name}_app"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        with pytest.MonkeyPatch.context() as patch:
            for variable, value in environment().items():
                patch.setenv(variable, value)
            sys.modules[name] = module
            spec.loader.exec_module(module)
    return sys.modules[name]


class Site:
    """An example that runs, its portal, and the people who come to it."""

    def __init__(self, framework: str, module: ModuleType, sandbox: Sandbox) -> None:
        self.framework, self._module, self.sandbox = framework, module, sandbox

    def person(self) -> Person:
        return FRAMEWORKS[self.framework][0](self._module)

    def redirect(self, person: Person, account: str) -> str:
        """Begin to sign in, agree, and return where amoCRM sends the person."""
        start = person.visit("/login")
        assert start.status == 302
        return self.sandbox.agree(start.location, account)

    def signed_in(self, account: str) -> Person:
        person = self.person()
        answer = person.visit(self.redirect(person, account))
        assert (answer.status, answer.location) == (302, "/leads")
        return person


@pytest.fixture
def site(framework: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    clock = ManualClock()
    sandbox = Sandbox(
        ("example", "other"), clock=clock, redirect_uri=REDIRECT, rps=None,
        client_id=environment()["AMOCRM_CLIENT_ID"], client_secret="client-secret",
    )  # fmt: skip
    for account in ("example", "other"):
        sandbox.add("leads", {"name": f"Lead of {account}"}, account)
    module = load(framework)
    # The integration of the example, but for the network: two accounts are at two hosts.
    with Integration(
        sandbox.integration.client_id, sandbox.integration.client_secret, REDIRECT,
        store=MemoryStore(), session=sandbox.session(), clock=clock, rate_limiter=None,
    ) as integration:  # fmt: skip
        monkeypatch.setattr(module, "integration", integration)
        yield Site(framework, module, sandbox)


def changed(url: str, **change: str | None) -> str:
    query = {**dict(parse_qsl(urlsplit(url).query)), **change}
    kept = {name: value for name, value in query.items() if value is not None}
    return f"{urlsplit(url).path}?{urlencode(kept)}"


# Who sees what -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/leads", "/leads?account=example", "/leads/example"])
def test_a_stranger_sees_nobody_s_leads(site: Site, path: str) -> None:
    site.signed_in("example")
    answer = site.person().visit(path)
    assert answer.status == (404 if path.endswith("/example") else 401)
    assert "Lead of" not in answer.text


def test_each_person_sees_the_leads_of_the_account_that_agreed(site: Site) -> None:
    for account in ("example", "other"):
        person = site.signed_in(account)
        for path in ("/leads", "/leads?account=other", "/leads?account=example", "/leads?id=1"):
            answer = person.visit(path)
            assert answer.status == 200
            assert answer.text.count("Lead of") == 1
            assert f"Lead of {account}" in answer.text


def test_whoever_signs_in_to_another_account_has_left_the_first(site: Site) -> None:
    person = site.signed_in("example")
    assert person.visit(site.redirect(person, "other")).status == 302
    assert "Lead of other" in person.visit("/leads").text
    assert "Lead of example" not in person.visit("/leads").text


def test_whoever_takes_the_name_of_an_account_over_is_not_shown_to_its_people(site: Site) -> None:
    person = site.signed_in("example")
    site.sandbox.move("example", "renamed")
    newcomer = site.sandbox.add_account("example")
    site.sandbox.account("renamed").former.discard(newcomer.subdomain)
    site.sandbox.add("leads", {"name": "Lead of newcomer"}, "example")
    stranger = site.signed_in("example")
    assert "Lead of newcomer" in stranger.visit("/leads").text
    answer = person.visit("/leads")
    assert "Lead of newcomer" not in answer.text
    assert "Lead of example" in answer.text


def test_an_account_that_has_left_is_shown_to_nobody(site: Site) -> None:
    person = site.signed_in("example")
    hook = urlsplit(site.sandbox.uninstall_hook("example").url).query
    forged = site.person().visit(f"/amocrm/uninstall?{hook[:-1]}_")
    assert (forged.status, person.visit("/leads").status) == (401, 200)
    site.sandbox.uninstall("example")
    answer = site.person().visit(f"/amocrm/uninstall?{hook}")
    assert answer.status == 200
    assert "true" in answer.text
    assert person.visit("/leads").status == 401


# Whose sign-in it is -----------------------------------------------------------------------------


@pytest.mark.parametrize("has_begun", [True, False])
def test_another_session_s_redirect_ties_nothing(site: Site, has_begun: bool) -> None:
    attacker, victim = site.person(), site.person()
    redirect = site.redirect(attacker, "other")
    if has_begun:
        site.redirect(victim, "example")
    assert victim.visit(redirect).status == 401
    assert victim.visit("/leads").status == 401
    assert site.sandbox.counters["grants.code"] == 0


def test_another_session_s_redirect_does_not_change_who_has_signed_in(site: Site) -> None:
    attacker, victim = site.person(), site.signed_in("example")
    assert victim.visit(site.redirect(attacker, "other")).status == 401
    assert "Lead of example" in victim.visit("/leads").text


@pytest.mark.parametrize(
    "change",
    [{"state": "x"}, {"state": ""}, {"state": None}, {"state": None, "from_widget": "1"},
     {"from_widget": "1", "state": "x"}, {"referer": "evil.example"}, {"code": "made-up"}],
    ids=str,
)  # fmt: skip
def test_a_forged_redirect_ties_nothing(site: Site, change: dict[str, str | None]) -> None:
    person = site.person()
    true = site.redirect(person, "example")
    assert person.visit(changed(true, **change)).status == 401
    assert person.visit("/leads").status == 401
    # Nor does it cost the person the sign-in that is under way.
    assert person.visit(true).status == 302
    assert "Lead of example" in person.visit("/leads").text


def test_a_widget_s_call_signs_nobody_in_and_nobody_out(site: Site) -> None:
    stranger, person = site.person(), site.signed_in("example")
    for browser in (stranger, person):
        call = site.sandbox.install_widget("other")
        answer = browser.visit(call)
        assert answer.status == 200
        assert "installed" in answer.text
    assert stranger.visit("/leads").status == 401
    assert "Lead of example" in person.visit("/leads").text


def test_a_redirect_that_has_served_signs_nobody_else_in(site: Site) -> None:
    person = site.person()
    redirect = site.redirect(person, "example")
    assert person.visit(redirect).status == 302
    for browser in (site.person(), site.signed_in("other")):
        assert browser.visit(redirect).status == 401
        assert "Lead of example" not in browser.visit("/leads").text


def test_whoever_planted_a_session_is_not_let_in_by_its_victim(site: Site) -> None:
    attacker, victim = site.person(), site.person()
    attacker.visit("/login")
    planted = attacker.cookie()
    assert planted is not None
    victim.plant(planted)
    assert victim.visit(site.redirect(victim, "example")).status == 302
    assert victim.visit("/leads").status == 200
    assert victim.cookie() != planted
    assert attacker.visit("/leads").status == 401
    thief = site.person()
    thief.plant(planted)
    assert thief.visit("/leads").status == 401


def test_a_state_is_another_for_each_sign_in_and_goes_with_it(site: Site) -> None:
    person = site.person()
    states = [dict(parse_qsl(urlsplit(person.visit("/login").location).query)) for _ in range(2)]
    assert states[0]["state"] != states[1]["state"]
    assert min(len(one["state"]) for one in states) >= 32
    person = site.person()
    redirect = site.redirect(person, "example")
    person.visit(redirect)
    assert person.visit(redirect).status == 401
    assert "Lead of example" in person.visit("/leads").text


@pytest.mark.parametrize(
    "cookie", ["", "example.amocrm.ru", "eyJhY2NvdW50IjoiZXhhbXBsZS5hbW9jcm0ucnUifQ.x.y"]
)
def test_a_session_that_is_not_signed_is_none(site: Site, cookie: str) -> None:
    site.signed_in("example")
    person = site.person()
    person.plant(cookie)
    assert person.visit("/leads").status == 401


def test_an_outage_and_its_reason_are_not_the_visitor_s_to_see(site: Site) -> None:
    person = site.person()
    redirect = site.redirect(person, "example")
    site.sandbox.inject("server_error", path="/oauth2/access_token", times=9)
    answer = person.visit(redirect)
    assert answer.status == 503
    assert "try again in a minute" in answer.text


# The examples themselves -------------------------------------------------------------------------

SHOW_COOKIE = """
import sys
sys.path.insert(0, sys.argv[1])
if sys.argv[2] == "fastapi":
    from fastapi.testclient import TestClient
    from fastapi_app import app
    answer = TestClient(app, "https://shop.example", follow_redirects=False).get("/login")
    print(answer.headers["Set-Cookie"])
else:
    from importlib import import_module
    from werkzeug.test import Client
    module = import_module(sys.argv[2] + "_app")
    site = getattr(module, "application", None) or module.app
    print(Client(site).get("/login", base_url="https://localhost").headers["Set-Cookie"])
"""


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_session_s_cookie_is_kept_from_scripts_and_from_other_sites(
    framework: str, scheme: str, tmp_path: Path
) -> None:
    settings = {**os.environ, **environment(f"{scheme}://localhost/amocrm/")}
    shown = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SHOW_COOKIE, str(EXAMPLES), framework],
        env=settings, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True,
    ).stdout.strip()  # fmt: skip
    parts = [part.strip().lower() for part in shown.split(";")]
    assert {"httponly", "samesite=lax", "path=/"} <= set(parts)
    assert parts[0].startswith("__host-session=" if scheme == "https" else "session=")
    assert ("secure" in parts) is (scheme == "https")
    assert not any(part.startswith("domain=") for part in parts)
    assert list(tmp_path.iterdir()) == [], "nothing is written before somebody agrees"


RUN_WITHOUT_EACH = """
import os, runpy, sys
program, *names = sys.argv[1:]
for name in names:
    value = os.environ.pop(name)
    try:
        runpy.run_path(program)
        print(name, "has a default")
    except KeyError as error:
        print(name, "is missing:", error)
    os.environ[name] = value
"""


def test_no_setting_that_is_secret_has_a_default(framework: str, tmp_path: Path) -> None:
    names, program = sorted(environment()), str(EXAMPLES / f"{framework}_app.py")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN_WITHOUT_EACH, program, *names],
        env={**os.environ, **environment()},
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [f"{name} is missing: '{name}'" for name in names]


def test_each_example_is_short(framework: str) -> None:
    text = (EXAMPLES / f"{framework}_app.py").read_text(encoding="utf-8")
    assert len([line for line in text.splitlines() if line]) <= 90
