"""Import directions: a package imports from lower rows only. The list is the design."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "amocrm"

LAYERS = [
    "errors api_limits _version",
    "_support",
    "progress rate_limit stores",
    "http",
    "schema auth bulk chats",
    "resources",
    "client phones types",
    "integration",
    "webhooks",
    "mirror cloning",
    "aio cli",
    "testing",
]

RANK = {name: rank for rank, row in enumerate(LAYERS) for name in row.split()}

PURE = """
_support/arguments _support/frames _support/numbers _support/secret
auth/installation/uninstall_hook auth/moved_account auth/redirect/query auth/revocation
auth/settings auth/status auth/token auth/token_file_formats auth/token_record auth/token_response
bulk/batch_size bulk/changes_query bulk/outcomes bulk/pages
chats/payloads chats/signatures
errors api_limits
http/authorizer http/call_options http/error_mapping http/hosts http/legacy_codes http/messages
http/paths http/query http/reply_body http/request_body http/retry http/signing_key
http/validation_errors
mirror/batch mirror/deletions mirror/differences mirror/estimate mirror/event_changes
mirror/families mirror/report
mirror/flatten/activities mirror/flatten/cells mirror/flatten/entities mirror/flatten/flatten
mirror/flatten/reading mirror/flatten/reference mirror/flatten/values
mirror/tables/activities mirror/tables/columns mirror/tables/definitions mirror/tables/entities
mirror/tables/reference mirror/warehouse/tables
rate_limit/budget rate_limit/jitter rate_limit/learning rate_limit/window
resources/custom_fields/choices resources/custom_fields/dates
resources/custom_fields/definitions resources/custom_fields/error_messages
resources/custom_fields/field_filters resources/custom_fields/field_types
resources/custom_fields/values
resources/endpoint resources/filter_values resources/filters resources/name_lookup resources/patch
resources/people/contact_keys resources/people/normalize bulk/split_query
schema/enums
webhooks/authors webhooks/worker/retry_delays
webhooks/addresses webhooks/codes webhooks/event webhooks/inbox/inbox webhooks/inbox/names
webhooks/jwt webhooks/parsing/body webhooks/parsing/parse webhooks/parsing/php_form
webhooks/receiver/answer webhooks/reconciliation/recorded webhooks/reconciliation/wire_item
webhooks/signatures
""".split()  # noqa: SIM905  a list of names is easier to read in lines
"""Modules that decide and do nothing: no socket, file, clock, randomness or thread."""

PURE_MAY_IMPORT = {
    "__future__",
    "array",
    "base64",
    "binascii",
    "collections",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "enum",
    "functools",
    "hashlib",
    "hmac",
    "html",
    "http",
    "itertools",
    "json",
    "math",
    "re",
    "types",
    "typing",
    "urllib",
}
"""Parts of the standard library without sockets, files, clocks, randomness and threads."""

FORBIDDEN_IN_PURE = {"http.client.HTTPConnection", "urllib.request", "http.server"}

OWNERS = {
    "time": {"_support/clock"}, "requests": {"http/transport"}, "urllib3": {"http/transport"},
    "phonenumbers": {"phones"}, "click": {"cli"},
    "sqlalchemy": {"mirror", "stores"},
    "redis": {"rate_limit", "stores"}, "cryptography": {"stores"},
}  # fmt: skip
"""Outside things, each with the modules or packages that import it."""

MODULES = sorted(PACKAGE.rglob("*.py"))

LAYERED = [
    path
    for path in MODULES
    # The contract imports what it exports, and the sandbox has a test of its own.
    if path.relative_to(PACKAGE).parts[0] not in ("__init__.py", "sandbox")
]


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Every node of a file's syntax tree."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every module a file imports, type-only ones and those inside functions too."""
    for node in nodes(path):
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
        if there not in (here, "sandbox") and RANK[there] >= RANK[here]
    ]
    assert not wrong


PURE_FILES = [PACKAGE / f"{name}.py" for name in PURE]


@pytest.mark.parametrize("path", PURE_FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_pure_modules_import_only_what_is_pure(path: Path) -> None:
    wrong = [
        f"line {line}: {name}"
        for name, line in imports(path)
        if name in FORBIDDEN_IN_PURE
        or (
            PACKAGE.parent.joinpath(*name.split(".")).with_suffix(".py") not in PURE_FILES
            if name.split(".")[0] == "amocrm" and not is_package_of_pure(path, name)
            else name.split(".")[0] not in PURE_MAY_IMPORT | {"amocrm"}
        )
    ]
    assert not wrong


def is_package_of_pure(path: Path, name: str) -> bool:
    """Whether an import names a package and takes pure modules of it."""
    folder = PACKAGE.parent.joinpath(*name.split("."))
    taken = {
        folder / f"{alias.name}.py"
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom) and node.module == name
        for alias in node.names
    }
    return folder.is_dir() and taken <= set(PURE_FILES)


def test_pure_modules_ask_nobody_what_time_it_is() -> None:
    wrong = [
        f"{path.name}:{node.lineno}"
        for path in PURE_FILES
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr in ("now", "today", "utcnow")
    ]
    assert not wrong


def test_every_room_has_its_place() -> None:
    assert {room(path) for path in LAYERED} == set(RANK)


def test_the_sandbox_shares_only_the_limits() -> None:
    wrong = [
        f"{path.name}:{line}: {there}"
        for path in (PACKAGE / "sandbox").rglob("*.py")
        for there, line in ours(path)
        if there not in ("api_limits", "sandbox")
    ]
    assert not wrong


def test_what_has_to_do_with_the_sandbox() -> None:
    importers = {room(path) for path in LAYERED if "sandbox" in dict(ours(path))}
    # A clone is a document of the sandbox; the command line and the testing kit start one.
    assert importers == {"cli", "cloning", "testing"}


@pytest.mark.parametrize("outside", sorted(OWNERS))
def test_outside_things_have_their_owners(outside: str) -> None:
    importers = [
        path.relative_to(PACKAGE).with_suffix("").as_posix()
        for path in MODULES
        if room(path) != "sandbox"
        for name, _ in imports(path)
        if name.split(".")[0] == outside
    ]
    owners = OWNERS[outside]
    assert {owner for owner in owners for one in importers if is_in(one, owner)} == owners
    assert not [one for one in importers if not any(is_in(one, owner) for owner in owners)]


def is_in(module: str, owner: str) -> bool:
    return module == owner or module.startswith(f"{owner}/")


def test_any_stands_in_one_place() -> None:
    importers = [
        str(path.relative_to(PACKAGE))
        for path in MODULES
        if room(path) != "sandbox" and "Any" in names_from_typing(path)
    ]
    assert importers == ["http/messages.py"]


def names_from_typing(path: Path) -> set[str]:
    return {
        alias.name
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom) and node.module == "typing"
        for alias in node.names
    }


def test_modules_stay_small() -> None:
    large = {
        str(path.relative_to(PACKAGE)): count
        for path in MODULES
        if (count := code_lines(path.read_text(encoding="utf-8"))) > 300
    }
    assert not large


def code_lines(text: str) -> int:
    """Count the lines that are neither empty nor a comment nor part of a docstring."""
    told = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    return sum(
        1
        for number, line in enumerate(text.splitlines(), 1)
        if number not in told and line.strip() and not line.strip().startswith("#")
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
