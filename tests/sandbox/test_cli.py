"""`python -m amocrm.sandbox` as a process."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests

from amocrm.sandbox import Sandbox
from amocrm.sandbox.__main__ import main, run
from tests.processes import in_child
from tests.signals import posix, raise_after


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-W", "error", "-m", "amocrm.sandbox", "--port", "0"]
    more = ["--accounts", "one", "two", "--rps", "0", "--refresh-mode", "grace"]
    more += ["--shop", "--token-lifetime", "300"]
    with subprocess.Popen(
        [*command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def greeting(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    lines: dict[str, str] = {}
    while "consent" not in lines:
        name, _, value = process.stdout.readline().partition(":")
        assert name, process.communicate()
        lines[name] = value.strip()
    return lines


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_printed_works_and_a_signal_ends_it(
    process: subprocess.Popen[str], number: signal.Signals
) -> None:
    told = greeting(process)
    assert told["accounts"] == "one.amocrm.ru, two.amocrm.ru"
    with requests.Session() as session:
        session.trust_env = False
        headers = {"Authorization": f"Bearer {told['access_token']}"}
        account = session.get(f"{told['address']}/api/v4/account?with=drive_url", headers=headers)
        files = session.get(f"{account.json()['drive_url']}/v1.0/files", headers=headers)
        chats = f"{told['address']}/v2/origin/custom/{told['channel_id']}/connect"
        unsigned = session.post(chats, json={})
        body = {name: told[name] for name in ("client_id", "client_secret", "redirect_uri", "code")}
        body["grant_type"] = "authorization_code"
        pair = session.post(f"{told['address']}/oauth2/access_token", json=body)
        page = session.get(told["consent"])
        start = session.get(told["page"], headers={"Accept": "text/html"})
        leads = session.get(f"{told['address']}/one/api/v4/leads", headers=headers)
    assert account.json()["subdomain"] == "one"
    assert (files.status_code, unsigned.status_code) == (204, 403)
    assert (pair.status_code, page.status_code) == (200, 200)
    assert told["page"] == f"{told['address']}/"
    assert "one.amocrm.ru" in start.text
    assert (pair.json()["expires_in"], len(leads.json()["_embedded"]["leads"])) == (300, 16)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


@posix
@pytest.mark.parametrize("lines", range(16))
def test_a_signal_as_soon_as_it_serves_ends_it(lines: int) -> None:
    def stopped() -> bool:
        run(Sandbox(), "127.0.0.1", 0, lambda served: raise_after(lines, signal.SIGINT))
        return True

    assert in_child(stopped)


@pytest.mark.parametrize("seconds", ["0", "-5", "nan", "inf", "soon"])
def test_a_token_lifetime_is_a_number_of_seconds(
    capsys: pytest.CaptureFixture[str], seconds: str
) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(SystemExit):
        main(["--token-lifetime", seconds])
    for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
        signal.signal(number, handler)
    assert f"must be at least 1 second, not '{seconds}'" in capsys.readouterr().err


def test_a_port_that_cannot_be_is_one_clear_line() -> None:
    command = [sys.executable, "-m", "amocrm.sandbox", "--port", "99999"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)


def test_a_busy_port_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        status = main(["--port", str(port)])
    for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
        signal.signal(number, handler)
    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"cannot serve on 127.0.0.1:{port}: ")


def test_an_account_is_populated_and_controlled() -> None:
    command = [sys.executable, "-m", "amocrm.sandbox", "--port", "0", "--populate", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        told = greeting(process)
        with requests.Session() as session:
            session.trust_env = False
            leads = session.get(f"{told['address']}/_sandbox/leads").json()["leads"]
        process.terminate()
    assert (len(leads), process.returncode) == (5, 0)


@pytest.mark.allow_hosts(["0.0.0.0", "127.0.0.1", "::1"])
@pytest.mark.parametrize("program", ["amocrm.sandbox", "amocrm.cli sandbox serve"])
def test_others_control_it_if_a_person_says_so(program: str) -> None:
    command = [sys.executable, "-m", *program.split(), "--port", "0", "--host", "0.0.0.0"]
    with subprocess.Popen([*command, "--i-know"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = re.search(r"http://0\.0\.0\.0:(\d+)", process.stdout.readline())
        assert port is not None
        with requests.Session() as session:
            session.trust_env = False
            status = session.get(f"http://127.0.0.1:{port[1]}/_sandbox/accounts").status_code
        process.terminate()
    assert status == 200


@pytest.mark.parametrize("count", ["0", "-1", "many", "1000000"])
def test_a_wrong_number_of_leads_is_refused(capsys: pytest.CaptureFixture[str], count: str) -> None:
    with pytest.raises(SystemExit):
        main(["--populate", count])
    assert f"must be from 1 to 100000, not '{count}'" in capsys.readouterr().err
