"""The program in a real terminal: width, colors, hidden input, Ctrl-C."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from amocrm.cli.output import text_width
from tests.cli.conftest import Shop
from tests.cli.terminal import Terminal

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def of(shop: Shop) -> dict[str, str]:
    """The integration of the shop, by variables."""
    one = shop.portal.integration
    return {
        "AMOCRM_BASE_URL": shop.url,
        "AMOCRM_CLIENT_ID": one.client_id,
        "AMOCRM_REDIRECT_URI": one.redirect_uri,
    }


@pytest.mark.parametrize("columns", [40, 120])
def test_a_table_fits_the_window(account: Shop, columns: int) -> None:
    with Terminal("list", "leads", "--limit", "5", columns=columns) as terminal:
        assert terminal.end() == 0
    head, *lines = terminal.shown.splitlines()
    assert head.startswith("\x1b[1mid")
    assert len(lines) == 5
    widest = max(text_width(ESCAPES.sub("", line)) for line in [head, *lines])
    assert widest <= columns
    assert ("…" in terminal.shown) == (columns == 40)


def test_no_color_and_names_in_russian(account: Shop) -> None:
    russian = {"NO_COLOR": "1", "AMOCRM_LANG": "", "LC_ALL": "ru_RU.UTF-8"}
    with Terminal("--help", variables=russian) as terminal:
        assert terminal.end() == 0
    assert "Войти в аккаунт" in terminal.shown
    with Terminal("list", "users", variables=russian) as terminal:
        assert terminal.end() == 0
    assert "\x1b" not in terminal.shown


def test_the_secret_is_not_shown_and_an_address_is_pasted(folder: Path, shop: Shop) -> None:
    secret = shop.portal.integration.client_secret
    with Terminal("login", "--paste", variables=of(shop)) as terminal:
        terminal.read_until("Account")
        terminal.type("example")
        terminal.read_until("Secret key: ")  # click 8.1 shows the blank when nothing is echoed.
        terminal.type(secret)
        shown = terminal.read_until("/oauth?")
        terminal.read_until("or a code")
        (url,) = re.findall(r"http://\S+/oauth\?\S+", shown)
        terminal.type(shop.portal.agree(url))
        assert terminal.end() == 0
    assert secret not in terminal.shown
    assert "Logged in to Example" in terminal.shown
    with Terminal("whoami", "-o", "json") as terminal:
        assert terminal.end() == 0
    assert json.loads(terminal.shown)["user"] == "Ann"


def test_a_pasted_address_of_another_login_is_refused(folder: Path, shop: Shop) -> None:
    secret = {"AMOCRM_CLIENT_SECRET": shop.portal.integration.client_secret}
    with Terminal("login", "example", variables={**of(shop), **secret}) as terminal:
        shown = terminal.read_until("or a code")
        (url,) = re.findall(r"http://\S+/oauth\?\S+", shown)
        forged = re.sub(r"state=[^&]+", "state=other", url)
        terminal.type(shop.portal.agree(forged))
        assert terminal.end() == 4
    assert "another state" in terminal.shown
    assert not (folder / "profiles.toml").exists()


@pytest.mark.parametrize("question", ["Account", "Secret key"])
def test_ctrl_c_at_a_question_ends_it(folder: Path, shop: Shop, question: str) -> None:
    with Terminal("login", variables={"AMOCRM_BASE_URL": shop.url}) as terminal:
        for asked, answer in [
            ("Account", "example"),
            ("Integration id", "id"),
            ("Secret key: ", ""),
        ]:
            terminal.read_until(asked)
            if asked.startswith(question):
                break
            terminal.type(answer)
        assert terminal.interrupt() == 130
    assert "Traceback" not in terminal.shown


def test_a_sandbox_lives_until_ctrl_c_and_so_does_its_profile(folder: Path) -> None:
    with Terminal("login", "--sandbox", "--port", "0") as terminal:
        terminal.read_until("Ctrl-C ends both")
        with Terminal("accounts") as other:
            assert other.end() == 0
        assert "sandbox" in other.shown
        with Terminal("whoami") as other:
            assert other.end() == 0
        assert "Example" in other.shown
        terminal.press_ctrl_c()
        assert terminal.end() == 0
    assert "sandbox" not in (folder / "profiles.toml").read_text()
    left = [one.read_text() for one in (folder / "tokens").iterdir()]
    assert not [one for one in left if "access_token" in one]
