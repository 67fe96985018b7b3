"""Checks the shapes of arguments, so that a wrong one is an error that names it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from amocrm.errors import ConfigurationError


def check_dict(name: str, value: object, hint: str | None = None) -> None:
    """Check that an argument is a dict.

    Raises:
        ConfigurationError: it is something else.
    """
    if not isinstance(value, (dict, Mapping)):  # A dict is recognized faster so.
        raise _wrong(name, "a dict", value, hint)


def check_several(name: str, value: object, hint: str | None = None) -> None:
    """Check that an argument is a list or another iterable; a dict and a text are one thing.

    Raises:
        ConfigurationError: it is something else.
    """
    if isinstance(value, (Mapping, str, bytes, bytearray)) or not isinstance(value, Iterable):
        raise _wrong(name, "a list or another iterable", value, hint)


def check_dicts(name: str, value: object) -> None:
    """Check that an optional part of an item is a list of dicts.

    Raises:
        ConfigurationError: it is something else.
    """
    if value is None:
        return
    if not isinstance(value, (list, tuple)):
        raise _wrong(name, "a list of dicts", value)
    for one in value:
        if not isinstance(one, Mapping):
            raise _wrong(f"each of {name}", "a dict", one)


def check_text(name: str, value: object) -> None:
    """Check that an argument is a text that is not empty.

    Raises:
        ConfigurationError: it is something else.
    """
    if not isinstance(value, str):
        raise _wrong(name, "a text", value)
    if not value.strip():
        raise ConfigurationError(f"{name} is empty")


def check_function(name: str, value: object) -> None:
    """Check that an optional argument can be called.

    Raises:
        ConfigurationError: it is something else.
    """
    if value is not None and not callable(value):
        raise _wrong(name, "a function", value)


def check_path(name: str, value: object) -> None:
    """Check that an optional argument is the path of a file.

    Raises:
        ConfigurationError: it is something else.
    """
    if value is not None and not isinstance(value, str) and not hasattr(value, "__fspath__"):
        raise _wrong(name, "the path of a file", value)
    if value == "":
        raise ConfigurationError(f"{name} is empty")


def _wrong(name: str, kind: str, value: object, hint: str | None = None) -> ConfigurationError:
    return ConfigurationError(f"{name} must be {kind}, not {type(value).__name__}", hint=hint)
