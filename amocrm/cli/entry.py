"""The program `amocrm`. Imports nothing, so that a missing extra is told in one line."""

from __future__ import annotations

import sys
from importlib import import_module

_EXTRA = {"click", "rich", "platformdirs", "tomlkit"}


def main() -> None:
    """Run the command line, and end the process with its exit code."""
    try:
        application = import_module("amocrm.cli.application")
    except ModuleNotFoundError as missing:
        if missing.name not in _EXTRA:
            raise
        message = f"the command line needs {missing.name}, which is not installed"
        sys.stderr.write(f"amocrm: {message} (pip install 'amocrm-python[cli]')\n")
        sys.exit(2)
    application.translate_click()
    sys.exit(application.run())


if __name__ == "__main__":
    main()
