"""Processor time of 1,000 tests with an account each, against 1,000 empty tests of pytest.

    python benchmarks/testing_kit.py [--tests 1000] [--rounds 3]

Each round is a run of pytest in a process of its own, without other plugins. The tests of the
fixtures call nothing, so what remains is the cost of a fresh sandbox and a connected client.
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

PARAMETERS = "import pytest\n\n@pytest.mark.parametrize('number', range({tests}))\n"
PROGRAMS = {
    "empty tests": "def test_nothing(number): pass\n",
    "`amocrm_sandbox`": "def test_portal(number, amocrm_sandbox): pass\n",
    "`amocrm`": "def test_client(number, amocrm): pass\n",
    "`amocrm`, one call": "def test_call(number, amocrm): amocrm.leads.create({'name': 'Order'})\n",
}


def once(folder: Path) -> float:
    """Return the seconds of processor time that a run of pytest takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "amocrm.testing.plugin", str(folder)],
        check=True,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        env={
            **os.environ,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": str(Path(__file__).parents[1]),
        },
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tests", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    spent: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    with tempfile.TemporaryDirectory() as root:
        for turn in range(options.rounds + 1):
            for number, (name, body) in enumerate(PROGRAMS.items()):
                folder = Path(root) / str(number)
                folder.mkdir(exist_ok=True)
                text = PARAMETERS.format(tests=options.tests) + body
                (folder / "test_many.py").write_text(text, encoding="utf-8")
                seconds = once(folder)
                if turn > 0:  # The first round fills the caches.
                    spent[name].append(seconds)
    found = {name: median(each) for name, each in spent.items()}
    empty = found["empty tests"]
    rows = [
        [name, f"{seconds:.2f}", f"{seconds - empty:.2f}", f"{seconds / empty:.2f}"]
        for name, seconds in found.items()
    ]
    show(
        f"{options.tests} tests with an account each (target: at most 10 s besides their calls)",
        ["tests", "CPU, s", "more than empty, s", "ratio"],
        rows,
    )


if __name__ == "__main__":
    main()
