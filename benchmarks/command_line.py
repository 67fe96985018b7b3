"""Processor time of the command line against what it stands on, each in a fresh interpreter.

    python benchmarks/command_line.py [--rounds 15]

`amocrm --help` is compared with `import click`, and `amocrm whoami` with a program that makes the
same two calls. They take turns. The first round is thrown away: it fills the caches of the disk and
of the byte code, which lives in a folder of its own.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from table import show

from amocrm.sandbox import Sandbox

RUN = "from amocrm.cli.entry import main; main()"
"""What the program `amocrm` does."""

CALLS = """
import os
from amocrm import AmoCRM
auth = {"access_token": os.environ["AMOCRM_TOKEN"]}
with AmoCRM(os.environ["AMOCRM_DOMAIN"], auth, base_url=os.environ["AMOCRM_BASE_URL"]) as crm:
    account = crm.account.get()
    print(account["name"], crm.users.get(account["current_user_id"])["name"])
"""

PROGRAMS = {
    "`import click`": ["-c", "import click"],
    "`amocrm --help`": ["-c", RUN, "--help"],
    "the two calls in Python": ["-c", CALLS],
    "`amocrm whoami`": ["-c", RUN, "whoami"],
}


def once(arguments: list[str], environment: dict[str, str]) -> float:
    """Return the milliseconds of processor time that a program takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=environment
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent * 1000


def measure(rounds: int, environment: dict[str, str]) -> dict[str, float]:
    """Return the median of each program."""
    spent: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for turn in range(rounds + 1):
        for name, arguments in PROGRAMS.items():
            millis = once(arguments, environment)
            if turn > 0:
                spent[name].append(millis)
    return {name: median(each) for name, each in spent.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    portal = Sandbox(rps=None)
    with tempfile.TemporaryDirectory() as folder, portal.serve() as served:
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "PYTHONPYCACHEPREFIX": f"{folder}/bytecode",
            "PYTHONDONTWRITEBYTECODE": "",
            "AMOCRM_CONFIG_DIR": f"{folder}/config",
            "AMOCRM_DOMAIN": "example",
            "AMOCRM_BASE_URL": served.url,
            "AMOCRM_TOKEN": portal.issue_long_lived(),
        }
        found = measure(rounds, environment)
    rows = [[name, f"{millis:.0f}"] for name, millis in found.items()]
    click, help_, calls, whoami = found.values()
    rows.append(["help / click (target: at most 1.5)", f"{help_ / click:.2f}"])
    rows.append(["whoami - calls, ms (target: at most 60)", f"{whoami - calls:.0f}"])
    show("Processor time of the command line", ["program", "CPU, ms"], rows)


if __name__ == "__main__":
    main()
