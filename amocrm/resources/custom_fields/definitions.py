"""Definitions of custom fields → the one that is meant by an id, a code or a name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.endpoint import closest

_SHOWN: Final = 10
"""Names that a message lists at most."""

_ADDRESS: Final = ("address_line_1", "address_line_2", "city", "state", "zip", "country")


class Option(NamedTuple):
    """One of the choices of a field."""

    id: int
    value: str
    code: str | None = None


class FieldDefinition(NamedTuple):
    """What is needed of a definition.

    Attributes:
        type: the API's name of its type, such as `multiselect`.
        options: choices of a select-like field, kinds of a phone, lines of an address.
    """

    id: int
    name: str
    code: str | None = None
    type: str = ""
    options: tuple[Option, ...] = ()

    def __str__(self) -> str:
        return f"{self.name!r} (id {self.id}{f', code {self.code}' if self.code else ''})"


class Schema:
    """The custom fields of one kind of entity.

    Args:
        definitions: as the API lists them.

    Source: reference 4.14.
    """

    def __init__(self, definitions: Iterable[Json] = ()) -> None:
        self._by_id = {one.id: one for one in map(_read_field, definitions) if one is not None}
        self._by_name: dict[str, list[FieldDefinition]] = {}
        self._by_fold: dict[str, list[FieldDefinition]] = {}
        for one in self._by_id.values():
            for text in {one.name, one.code} - {None, ""}:
                self._by_name.setdefault(str(text), []).append(one)
            for text in {_fold(one.name), _fold(one.code or "")} - {""}:
                self._by_fold.setdefault(text, []).append(one)

    def __iter__(self) -> Iterator[FieldDefinition]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __repr__(self) -> str:
        return f"<Schema of {len(self)} fields>"

    def get(self, number: int) -> FieldDefinition | None:
        """Return the field of an id; None if there is none."""
        return self._by_id.get(number)

    def by_code(self, code: str) -> FieldDefinition | None:
        """Return the field of a code, whatever others are called; None if there is none."""
        return next((one for one in self._by_name.get(code, ()) if one.code == code), None)

    def matches(self, key: int | str) -> list[FieldDefinition]:
        """Return the fields of an id, or of a code or a name: as written, else in any case."""
        if isinstance(key, bool) or not isinstance(key, (int, str)):
            raise ConfigurationError("a custom field is named by its id, its code or its name")
        if isinstance(key, int):
            return [self._by_id[key]] if key in self._by_id else []
        return self._by_name.get(key) or self._by_fold.get(_fold(key), [])

    def find(self, key: int | str) -> FieldDefinition:
        """Return the only field that `matches`.

        Raises:
            ConfigurationError: none does, and the message says what is like it; or several do, and
                the message lists them.
        """
        found = self.matches(key)
        if len(found) == 1:
            return found[0]
        if not found:
            raise ConfigurationError(f"there is no custom field {key!r}", hint=self._advice(key))
        shown = "; ".join(map(str, found[:_SHOWN]))
        raise ConfigurationError(
            f"{len(found)} custom fields are called {key!r}: {shown}", hint="name one by its id"
        )

    def _advice(self, key: int | str) -> str | None:
        if isinstance(key, int):
            return None
        near = closest(_fold(key), self._by_fold, 3)
        fields = {one.id: one for text in near for one in self._by_fold[text]}
        return f"is it {' or '.join(map(str, fields.values()))}?" if fields else None


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _read_field(data: Json) -> FieldDefinition | None:
    """Read a definition; None if it is none that a value could be of."""
    number = data.get("id") if isinstance(data, Mapping) else None
    if not isinstance(number, int):
        return None
    kind = str(data.get("type") or "")
    return FieldDefinition(
        number, str(data.get("name") or ""), data.get("code") or None, kind, _options(data, kind)
    )


def _options(data: Mapping[str, Json], kind: str) -> tuple[Option, ...]:
    """Read the choices: a list, or on Kommo an object by a running number (reference 4.14)."""
    if kind == "smart_address":
        return tuple(Option(number, line, line) for number, line in enumerate(_ADDRESS, 1))
    listed = data.get("nested" if kind == "category" else "enums")
    items = listed.values() if isinstance(listed, Mapping) else listed or ()
    return tuple(
        Option(one["id"], str(one.get("value")), one.get("code") or None)
        for one in items
        if isinstance(one, Mapping) and isinstance(one.get("id"), int)
    )


def find_option(options: tuple[Option, ...], wanted: int | str) -> Option | None:
    """Return the choice of an id, or of a text or code: as written, else in any case."""
    if isinstance(wanted, int):
        return next((one for one in options if one.id == wanted), None)
    for same in (str, _fold):
        for texts in ([one.value for one in options], [one.code or "" for one in options]):
            found = [
                one
                for one, text in zip(options, texts, strict=True)
                if text and same(text) == same(wanted)
            ]
            if found:
                return found[0] if len(found) == 1 else None
    return None


def describe_options(options: tuple[Option, ...]) -> str:
    """List choices for a message, the first ones of many."""
    shown = ", ".join(repr(one.value) for one in options[:_SHOWN])
    more = len(options) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def near_option(options: tuple[Option, ...], wanted: object) -> str | None:
    """Return the text of the choice that is most like another text; None if none is."""
    texts = {_fold(one.value): one.value for one in options}
    near = closest(_fold(str(wanted)), texts)
    return texts[near[0]] if near else None
