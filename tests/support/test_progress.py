"""What `progress=` is told, and the bar that shows it."""

from __future__ import annotations

import os
import sys

import pytest

from amocrm.errors import ConfigurationError
from amocrm.progress import Progress, ProgressMeter, bar
from amocrm.sandbox import ManualClock


def test_it_tells_how_far_and_how_fast(clock: ManualClock) -> None:
    told: list[Progress] = []
    meter = ProgressMeter(told.append, clock, 10)
    meter.wait("page 1")
    clock.advance(2)
    meter.add(4)
    meter.add(0, 12)
    assert told == [
        Progress(0, 10, 0.0, "page 1"),
        Progress(4, 10, 2.0, None),
        Progress(4, 12, 2.0, None),
    ]


def test_nobody_has_to_listen(clock: ManualClock) -> None:
    meter = ProgressMeter(None, clock)
    meter.add(3)
    assert meter.done == 3


def test_the_bar_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rich")
    with bar("Leads") as report:
        report(Progress(250, None, 100.0, "page 2"))
        report(Progress(500, 500, 125.0))
    shown = capsys.readouterr().out
    assert "Leads" in shown
    assert "500/500" in shown
    assert "125/s" in shown


def test_a_bar_on_standard_error_leaves_standard_output_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rich")
    terminal, other_side = os.openpty()
    with open(other_side, "w") as screen:
        monkeypatch.setattr(sys, "stderr", screen)
        with bar("Leads", stderr=True) as report:
            report(Progress(250))
            sys.stdout.write("data\n")
        print("end", file=screen, flush=True)
        shown = b""
        while b"end" not in shown:  # A terminal gives what is written piece by piece.
            shown += os.read(terminal, 65_536)
    os.close(terminal)
    assert capsys.readouterr().out == "data\n"
    assert b"Leads" in shown
    assert b"data" not in shown


def test_without_rich_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    with pytest.raises(ConfigurationError, match=r"amocrm-python\[cli\]"):
        with bar():
            pass
