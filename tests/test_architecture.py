"""Imports fall: a module imports from lower rows only. The list is the design; this reads it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "amocrm"

LAYERS = [
    "errors limits",
    "core",
    "schema",
    "clock forks private",
    "filelock ledger pauses replacing cell install_limit",
    "progress ahead checkpoint",
    "transport emitter stores paces redirect stats",
    "journals",
    "journal",
    "line flight holding unbroken signals register shelf",
    "grants consent",
    "spender",
    "keeper",
    "connection gate",
    "request",
    "drivehost",
    "way",
    "source",
    "uploads downloads",
    "listing batches follow",
    "bulk schemas people phones chats",
    "commons",
    "place",
    "resource",
    "mount",
    "verbs",
    "resources",
    "families",
    "client",
    "installer",
    "integration",
]
RANK = {name: rank for rank, row in enumerate(LAYERS) for name in row.split()}

CORE_MAY_IMPORT = {
    "__future__", "base64", "binascii", "collections", "copy", "dataclasses", "datetime", "decimal",
    "difflib", "enum", "functools", "hashlib", "hmac", "html", "http", "itertools", "json", "math",
    "re", "types", "typing", "urllib",
}  # fmt: skip
"""Parts of the standard library without sockets, files, clocks, randomness and threads."""

FORBIDDEN_IN_CORE = {"http.client.HTTPConnection", "urllib.request", "http.server"}
OWNERS = {
    "time": {"clock"}, "requests": {"transport"}, "urllib3": {"transport"},
    "phonenumbers": {"phones"}, "sqlalchemy": {"journals", "stores"}, "redis": {"paces", "stores"},
    "cryptography": {"stores"},
}  # fmt: skip
"""Outside things with one importer each."""

MODULES = sorted(PACKAGE.rglob("*.py"))
LAYERED = [
    path
    for path in MODULES
    # The contract imports what it exports, and the sandbox has a test of its own.
    if path.relative_to(PACKAGE).parts[0] not in ("__init__.py", "sandbox")
]


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every module a file imports, type-only ones and those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            yield str(node.module), node.lineno


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def ours(path: Path) -> list[tuple[str, int]]:
    """Rooms of ours that a file imports from."""
    found = []
    for name, line in imports(path):
        parts = name.split(".")
        if parts[0] == "amocrm" and len(parts) > 1:
            found.append((parts[1], line))
    return found


@pytest.mark.parametrize("path", LAYERED, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_fall(path: Path) -> None:
    here = room(path)
    wrong = [
        f"line {line}: {here} imports {there}"
        for there, line in ours(path)
        if there != here and RANK[there] >= RANK[here]
    ]
    assert not wrong


def test_every_room_has_its_place() -> None:
    assert {room(path) for path in LAYERED} == set(RANK)


def test_core_imports_only_what_is_pure() -> None:
    wrong = [
        f"{path.name}:{line}: {name}"
        for path in (PACKAGE / "core").rglob("*.py")
        for name, line in imports(path)
        if name.split(".")[0] not in CORE_MAY_IMPORT | {"amocrm"} or name in FORBIDDEN_IN_CORE
    ]
    assert not wrong


def test_core_asks_nobody_what_time_it_is() -> None:
    wrong = [
        f"{path.name}:{node.lineno}"
        for path in (PACKAGE / "core").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("now", "today", "utcnow")
    ]
    assert not wrong


def test_the_sandbox_shares_only_the_limits() -> None:
    wrong = [
        f"{path.name}:{line}: {there}"
        for path in (PACKAGE / "sandbox").rglob("*.py")
        for there, line in ours(path)
        if there not in ("limits", "sandbox")
    ]
    assert not wrong


@pytest.mark.parametrize("outside", sorted(OWNERS))
def test_outside_things_have_one_owner(outside: str) -> None:
    importers = {
        room(path)
        for path in MODULES
        if room(path) != "sandbox"
        for name, _ in imports(path)
        if name.split(".")[0] == outside
    }
    assert importers == OWNERS[outside]


def test_any_stands_in_one_place() -> None:
    importers = [
        str(path.relative_to(PACKAGE))
        for path in MODULES
        if room(path) != "sandbox" and "Any" in names_from_typing(path)
    ]
    assert importers == ["core/wire.py"]


def names_from_typing(path: Path) -> set[str]:
    return {
        alias.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "typing"
        for alias in node.names
    }


def test_modules_stay_small() -> None:
    large = {
        str(path.relative_to(PACKAGE)): count
        for path in MODULES
        if (count := lines_of_code(path)) > 300
    }
    assert not large


def lines_of_code(path: Path) -> int:
    """Count the lines that hold code: no blank ones, no comments, no documentation."""
    text = path.read_text(encoding="utf-8")
    told: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        for field in ("body", "orelse", "finalbody"):
            found = getattr(node, field, ())
            for one in found if isinstance(found, list) else ():
                if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant):
                    told.update(range(one.lineno, (one.end_lineno or one.lineno) + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(
        1 for number, line in lines if number not in told and line.strip()[:1] not in ("", "#")
    )


def test_import_starts_nothing_and_loads_no_heavy_extra() -> None:
    heavy = ["werkzeug", "cheroot", "sqlalchemy", "redis", "cryptography.fernet", "amocrm.sandbox"]
    script = (
        "import sys, threading, amocrm; "
        f"print(threading.active_count(), [m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "1 []"
