"""What `import amocrm` offers, and the public types."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, ForwardRef, get_args, get_origin

import pytest

import amocrm
import amocrm.resources
import amocrm.schema
import amocrm.types
from amocrm.resources.resource import Resource
from amocrm.resources.verbs import Creates, CreatesOne, Gets, Lists, Reads, Updates
from tests.resources.table import walk

if sys.version_info >= (3, 11):
    from typing import is_typeddict
else:
    from typing_extensions import is_typeddict

ROOT = Path(__file__).parents[1]


def fresh(expression: str) -> Any:
    """The value of an expression in a program that has only imported amocrm."""
    script = f"import amocrm, json, sys; print(json.dumps({expression}))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT,
        timeout=60,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_dir_shows_the_public_names_and_nothing_else() -> None:
    assert fresh("dir(amocrm)") == sorted(amocrm.__all__)
    for name in dir(amocrm):
        assert getattr(amocrm, name) is not None


def test_nothing_else_of_the_module_looks_public() -> None:
    # `annotations` and the packages below it stand there because the language puts them there.
    loaded = fresh("[name for name in sys.modules if name.startswith('amocrm.')]")
    below = {name.split(".")[1] for name in loaded}
    names = fresh("[name for name in vars(amocrm) if not name.startswith('_')]")
    assert set(names) - set(amocrm.__all__) - below == {"annotations"}


def test_the_types_are_loaded_when_they_are_imported_and_not_before() -> None:
    assert (
        fresh("[one for one in sys.modules if one.startswith(('amocrm.schema', 'amocrm.types'))]")
        == []
    )


def typed_dicts(module: ModuleType) -> dict[str, Any]:
    return {
        name: one
        for name, one in vars(module).items()
        if not name.startswith("_") and is_typeddict(one) and one.__module__ == module.__name__
    }


SHAPES = [
    f"{package.__name__}.{one.name}"
    for package in (amocrm.schema, amocrm.resources)
    for one in pkgutil.iter_modules(package.__path__)
]
"""Modules with shapes of data, and with those of filters and orders."""


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_is_a_public_type(name: str) -> None:
    for shape, one in typed_dicts(importlib.import_module(name)).items():
        assert getattr(amocrm.types, shape, None) is one, f"export {shape} in amocrm/types.py"
        assert shape in amocrm.types.__all__


def test_all_names_what_is_there_once_sorted() -> None:
    assert amocrm.types.__all__ == sorted(set(amocrm.types.__all__))
    # pytest rewrites the modules of a plugin's distribution, and adds names that begin with "@".
    names = {name for name in vars(amocrm.types) if not name.startswith(("_", "@"))}
    public = names - {"annotations"}
    assert public == set(amocrm.types.__all__)
    code = [one for one in vars(amocrm.types).values() if callable(one) and not is_typeddict(one)]
    assert code == []


def shapes(resource: type[Resource]) -> set[str]:
    """The names of what a resource reads, takes and answers, from the header of its class."""
    found: set[str] = set()
    source = ast.parse(inspect.getsource(sys.modules[resource.__module__]))
    renamed = {
        alias.asname: alias.name
        for node in ast.walk(source)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for base in getattr(resource, "__orig_bases__", ()):
        kind = get_origin(base)
        if isinstance(kind, type) and issubclass(
            kind, (Lists, Gets, Reads, Creates, CreatesOne, Updates)
        ):
            found |= {one.__forward_arg__ for one in get_args(base) if isinstance(one, ForwardRef)}
    return {renamed.get(name, name) for name in found}


def test_every_resource_s_shapes_are_public_types() -> None:
    used = {name for seat in walk() for name in shapes(seat.kind)}
    assert {"Lead", "NewLead", "LeadPatch", "Task", "NewTask", "Note", "NewNote", "Event"} <= used
    assert used - set(amocrm.types.__all__) == set()
