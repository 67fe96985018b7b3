"""Records a session of the command line as a picture, for the first page.

    python -m tests.docs.make_session

The commands are run against a sandbox, and shown as a terminal shows them.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from amocrm.sandbox import Sandbox
from tests.docs.console import run

PICTURE = Path(__file__).parents[2] / "docs" / "img" / "session.svg"
WIDTH = 92
COMMANDS = (
    'echo "$TOKEN" | amocrm login mycompany.amocrm.ru --token -',
    "amocrm list leads --filter stage=Переговоры --fields id,name,price,responsible,cf.Оплачено",
    "amocrm update leads 7003 price=110000 responsible=Bob cf.Оплачено=yes",
    "amocrm get leads 7003 --fields name,price,stage,responsible,cf.Оплачено",
    "amocrm list leads --filter prise=1",
)


def record(folder: str) -> list[tuple[str, str]]:
    """Run the commands; return each with what it shows."""
    portal = Sandbox(("mycompany",), rps=None, seed=0)
    portal.add_shop()
    with portal.serve() as served, pytest.MonkeyPatch.context() as patch:
        settings = {
            "AMOCRM_CONFIG_DIR": folder, "AMOCRM_BASE_URL": served.url, "AMOCRM_LANG": "en",
            "COLUMNS": str(WIDTH), "TERM": "xterm", "NO_COLOR": "",
            "TOKEN": portal.issue_long_lived(),
        }  # fmt: skip
        for name, value in settings.items():
            patch.setenv(name, value)
        return [(one, run(one, patch)) for one in COMMANDS]


def picture() -> str:
    """Return the session as an SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    with tempfile.TemporaryDirectory() as folder:
        for command, shown in record(folder):
            console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
            console.print(Text.from_ansi(shown.rstrip("\n")))
    return str(console.export_svg(title="amocrm", unique_id="session"))


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
