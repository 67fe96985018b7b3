"""What the benchmarks share: how a table is printed, and under which date and versions."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Sequence
from importlib.metadata import version

import amocrm


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table with the date and the versions it was measured with."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    print(
        f"{title}\n\n{today}, {platform.python_implementation()} {platform.python_version()} on "
        f"{platform.system()}, requests {version('requests')}, amocrm {amocrm.__version__}\n"
    )
    for row in (head, ["---"] * len(head), *rows):
        print(f"| {' | '.join(row)} |")
