"""The width of the terminal. `shutil` tells it, too, but takes long to import."""

from __future__ import annotations

import os
import sys
from typing import Final

_USUAL: Final = 80
_WIDEST_HELP: Final = 80
_NARROWEST_HELP: Final = 50


def terminal_width() -> int:
    """Return the columns of the terminal: COLUMNS, else those of the window, else 80."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.__stdout__ else _USUAL
    except (OSError, ValueError, AttributeError):
        return _USUAL


def help_width() -> int:
    """Return how wide help is written: as click does it."""
    return max(min(terminal_width(), _WIDEST_HELP) - 2, _NARROWEST_HELP)
