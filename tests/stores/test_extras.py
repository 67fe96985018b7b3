"""Stores whose library is not installed say what to install; nobody else notices."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
sys.modules[{library!r}] = None
from amocrm import AmoCRM, ConfigurationError, MemoryStore
from amocrm.stores.file import FileStore
try:
    import amocrm.stores.{module}
except ConfigurationError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("module", "library", "extra"),
    [
        ("sql", "sqlalchemy", "sql"),
        ("redis", "redis", "redis"),
        ("encrypted", "cryptography", "crypto"),
    ],
)
def test_a_missing_library_is_told_with_the_command_to_run(
    module: str, library: str, extra: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(module=module, library=library)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert f"pip install 'amocrm-python[{extra}]'" in done.stdout
