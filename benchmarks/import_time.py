"""Processor time of `from amocrm import AmoCRM` against `import requests`, in fresh interpreters.

    python benchmarks/import_time.py [--rounds 15]

The imports take turns, and the interpreter's own start is not counted. The first round is thrown
away: it fills the caches of the disk and of the byte code, which lives in a folder of its own, so
that neither a setting nor a read-only installation makes each round compile anew.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from statistics import median

from table import show

BEFORE = {
    "`import requests`": ("pass", "requests"),
    "`import amocrm`, of which no name is used": ("pass", "amocrm"),
    "`from amocrm import AmoCRM`": ("pass", "amocrm.client"),
    "what it adds to `import requests`": ("import requests", "amocrm.client"),
    "the first use of `crm.leads`, every import of it": (
        "import amocrm.client",
        "amocrm.resources.leads",
    ),
    "`import werkzeug.wrappers`, which is left out": ("pass", "werkzeug.wrappers"),
}
"""What is done before the clock starts, and the module whose import is timed."""

PROGRAM = """
import sys, time
{before}
started = time.process_time()
import {module}
print(time.process_time() - started, "werkzeug" in sys.modules)
"""


def once(before: str, module: str, cache: str) -> tuple[float, bool]:
    """Return the milliseconds of one import in a fresh interpreter, and if it loads werkzeug."""
    program = PROGRAM.format(before=before, module=module)
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    seconds, loaded = done.stdout.split()
    return float(seconds) * 1000, loaded == "True"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    spent: dict[str, list[float]] = {name: [] for name in BEFORE}
    loads: dict[str, bool] = {}
    with tempfile.TemporaryDirectory() as cache:
        for turn in range(rounds + 1):
            for name, (before, module) in BEFORE.items():
                millis, loads[name] = once(before, module, cache)
                if turn > 0:
                    spent[name].append(millis)
    rows = [
        [name, f"{median(each):.1f}", "yes" if loads[name] else "no"]
        for name, each in spent.items()
    ]
    head = ["import", "CPU, ms", "werkzeug loaded"]
    show("Processor time of imports (target: amocrm adds at most 15 ms)", head, rows)


if __name__ == "__main__":
    main()
