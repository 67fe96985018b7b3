"""Types of one account, as the text of a `.pyi`: its custom fields, stages and users.

The text depends on the account only, in the order of ids, one name a line: so a diff of two of them
says what was changed in the account.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from amocrm.cli.reference_rows import definitions
from amocrm.errors import ForbiddenError, NotFoundError, PaymentRequiredError
from amocrm.resources.custom_fields.definitions import FieldDefinition, Option, Schema

if TYPE_CHECKING:
    from amocrm.client import AmoCRM


class Entity(NamedTuple):
    """A kind of entity: the API's name, the class of its resource, how its classes begin."""

    kind: str
    resource: str
    noun: str


ENTITIES: Final = (
    Entity("leads", "Leads", "Lead"),
    Entity("contacts", "Contacts", "Contact"),
    Entity("companies", "Companies", "Company"),
    Entity("customers", "Customers", "Customer"),
)


class StubbedPipeline(NamedTuple):
    """A pipeline, and its stages by their ids."""

    id: int
    name: str
    stages: Mapping[int, str]


class StubbedAccount(NamedTuple):
    """What the types are made of."""

    host: str
    fields: Mapping[str, Sequence[FieldDefinition]]
    pipelines: Sequence[StubbedPipeline]
    users: Mapping[int, str]


class _Type(NamedTuple):
    """How a value is read, and what it is written from."""

    read: str
    write: str


_TEXT: Final = _Type("str", "str")
_NUMBER: Final = _Type("Decimal", "Decimal | float | str")
_DATE: Final = _Type("date", "date | int | str")
_ANY: Final = _Type("Any", "Any")
_TYPES: Final[Mapping[str, _Type]] = {
    **dict.fromkeys(
        ("text", "textarea", "streetaddress", "url", "tracking_data", "org_legal_name"), _TEXT
    ),
    **dict.fromkeys(("numeric", "monetary", "price"), _NUMBER),
    **dict.fromkeys(("date", "birthday"), _DATE),
    "checkbox": _Type("bool", "bool"),
    "date_time": _Type("datetime", "date | int | str"),
    "multitext": _Type(
        "list[Multitext]", "str | Multitext | Iterable[str | Multitext | Mapping[str, Any]]"
    ),
    "smart_address": _Type("dict[str, str]", "Mapping[str, str | None]"),
}
_ONE_CHOICE: Final = ("select", "radiobutton", "category")
_SEVERAL: Final = "multiselect"

_HEAD: Final = '''\
# fmt: off
"""Custom fields, stages and users of {host}. Made by `amocrm stubs`: do not edit.

    from typing import TYPE_CHECKING, cast

    if TYPE_CHECKING:
        import {module}

    crm = cast("{module}.Client", AmoCRM(...))
    crm.leads.cf(lead)["..."]
"""
# It narrows what the library takes, on purpose.
# mypy: disable-error-code="override, assignment, misc, overload-overlap"
# pyright: basic, reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false
# pyright: reportPrivateUsage=false, reportGeneralTypeIssues=false, reportOverlappingOverload=false
# ruff: noqa

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NoReturn, TypeVar, overload

from amocrm import AmoCRM
from amocrm.resources.contacts import Companies, Contacts
from amocrm.resources.custom_fields.choices import Multitext
from amocrm.resources.custom_fields.field_types import Raw
from amocrm.resources.custom_fields.values import CustomFields, _Clear
from amocrm.resources.customers import Customers
from amocrm.resources.lazy import LazyResource
from amocrm.resources.leads import Leads
from amocrm.resources.pipelines import Pipelines
from amocrm.resources.users import Users
from amocrm.schema.fields import Stage
from amocrm.schema.pipelines import Pipeline
from amocrm.schema.users import User

_D = TypeVar("_D")
'''


def read_account(crm: AmoCRM) -> StubbedAccount:
    """Read what the types are made of. What the plan or the rights do not show is left out."""
    fields = {one.kind: _fields(crm, one.kind) for one in ENTITIES}
    pipelines = [
        StubbedPipeline(
            one["id"],
            one["name"],
            {stage["id"]: stage["name"] for stage in one["_embedded"]["statuses"]},
        )
        for one in crm.leads.pipelines.list()
    ]
    try:
        users = {one["id"]: one["name"] for one in crm.users.list()}
    except ForbiddenError:
        users = {}
    return StubbedAccount(crm.connection.host, fields, sorted(pipelines), users)


def _fields(crm: AmoCRM, kind: str) -> list[FieldDefinition]:
    try:
        return definitions(crm, kind)
    except (PaymentRequiredError, ForbiddenError, NotFoundError):
        return []


def write_stub(account: StubbedAccount, module: str) -> str:
    """Return the text of a `.pyi`.

    Args:
        account: what it is of.
        module: the name under which it is imported.
    """
    parts = [_HEAD.format(host=account.host, module=module)]
    for entity in ENTITIES:
        parts.append("\n".join(_field_class(entity, account.fields.get(entity.kind, ()))))
    parts.append("\n".join(_stages(account.pipelines)))
    parts.append("\n".join(_users(account.users)))
    parts.append("\n".join(_client()))
    return "\n\n".join(part.rstrip("\n") + "\n" for part in parts)


# Custom fields -----------------------------------------------------------------------------------


def _field_class(entity: Entity, fields: Sequence[FieldDefinition]) -> Iterator[str]:
    schema = Schema(_definition(one) for one in fields)
    keys = {one.id: _keys(one, schema) for one in fields}
    types: dict[int, _Type] = {}
    for field in fields:
        name = f"_{entity.noun}{field.id}"
        choices = _choices(field)
        if choices:
            yield from _literal(name, choices)
            yield from _literal(f"{name}Id", [option.id for option in field.options])
        types[field.id] = _type_of(field, name if choices else None)
    every = [key for one in keys.values() for key in one]
    key = f"{entity.noun}Field"
    yield from _literal(key, every)
    yield ""
    yield f"class {entity.noun}Fields(CustomFields):"
    yield f'    """The custom fields of {entity.kind}."""'
    yield ""
    calls: dict[str, list[str]] = {"__getitem__": [], "get": [], "__setitem__": []}
    for field in fields:
        read, write = types[field.id]
        given = f"Literal[{', '.join(map(_quoted, keys[field.id]))}]"
        calls["__getitem__"].append(f"(self, key: {given}) -> {read}")
        calls["get"].append(f"(self, key: {given}, default: None = None) -> {read} | None")
        calls["get"].append(f"(self, key: {given}, default: _D) -> {read} | _D")
        calls["__setitem__"].append(f"(self, key: {given}, value: {write} | Raw | _Clear) -> None")
    for method, forms in calls.items():
        yield from _method(method, forms or ["(self, *arguments: NoReturn) -> Any"])
    yield f"    def __delitem__(self, key: {key}) -> None: ..."
    yield f"    def raw(self, key: {key}) -> list[Any]: ..."


def _keys(field: FieldDefinition, schema: Schema) -> list[str | int]:
    """Return what names a field and no other."""
    names = [text for text in (field.name, field.code) if text]
    mine = [text for text in dict.fromkeys(names) if schema.matches(text) == [field]]
    return [*mine, field.id]


def _definition(field: FieldDefinition) -> dict[str, object]:
    enums = [option._asdict() for option in field.options]
    return {**field._asdict(), "enums": enums}


def _choices(field: FieldDefinition) -> list[str]:
    if field.type not in (*_ONE_CHOICE, _SEVERAL):
        return []
    return list(dict.fromkeys(option.value for option in field.options))


def _type_of(field: FieldDefinition, choices: str | None) -> _Type:
    """Return the type of a field's values; `choices` is the name of their type."""
    if field.type in _ONE_CHOICE:
        codes = _codes(field.options)
        return _Type(choices, f"{choices} | {choices}Id{codes}") if choices else _TEXT
    if field.type == _SEVERAL:
        if choices is None:
            return _Type("list[str]", "str | Iterable[str]")
        one = f"{choices} | {choices}Id{_codes(field.options)}"
        return _Type(f"list[{choices}]", f"{one} | Iterable[{one}]")
    return _TYPES.get(field.type, _ANY)


def _codes(options: Iterable[Option]) -> str:
    codes = list(dict.fromkeys(option.code for option in options if option.code))
    return f" | Literal[{', '.join(map(_quoted, codes))}]" if codes else ""


# Stages, users, the client -----------------------------------------------------------------------


def _stages(pipelines: Sequence[StubbedPipeline]) -> Iterator[str]:
    named = Counter(one.name for one in pipelines)
    where = Counter(name for one in pipelines for name in dict.fromkeys(one.stages.values()))
    yield from _literal("PipelineName", [one.name for one in pipelines])
    yield from _literal("PipelineId", [one.id for one in pipelines])
    forms: list[str] = []
    if alone := [name for name, number in where.items() if number == 1]:
        yield from _literal("_OwnStage", alone)
        forms.append("(self, name: _OwnStage, *, pipeline: None = None) -> Stage")
    for one in pipelines:
        yield from _literal(f"_StageOf{one.id}", list(dict.fromkeys(one.stages.values())))
        keys: list[str | int] = [one.name, one.id] if named[one.name] == 1 else [one.id]
        key = ", ".join(map(_quoted, keys))
        forms.append(f"(self, name: _StageOf{one.id}, *, pipeline: Literal[{key}]) -> Stage")
    every = {number: name for one in pipelines for number, name in one.stages.items()}
    yield from _literal("StageId", list(every))
    yield ""
    yield "class _Pipelines(Pipelines):"
    yield from _method("stage", forms or ["(self, *arguments: NoReturn) -> Stage"])
    yield "    def named(self, name: PipelineName) -> Pipeline: ..."


def _users(users: Mapping[int, str]) -> Iterator[str]:
    yield from _literal("UserName", list(dict.fromkeys(users.values())))
    yield from _literal("UserId", list(users))
    yield ""
    yield "class _Users(Users):"
    yield f"    def named(self, name: {'UserName' if users else 'str'}) -> User: ..."


def _client() -> Iterator[str]:
    for entity in ENTITIES:
        yield f"class _{entity.resource}({entity.resource}):"
        if entity.kind == "leads":
            yield "    pipelines: LazyResource[_Pipelines]"
        yield f"    def cf(self, entity: Mapping[str, object]) -> {entity.noun}Fields: ..."
        yield ""
    yield "class Client(AmoCRM):"
    yield '    """A client of this account."""'
    yield ""
    for entity in ENTITIES:
        yield f"    {entity.kind}: LazyResource[_{entity.resource}]"
    yield "    users: LazyResource[_Users]"
    yield "    def __enter__(self) -> Client: ..."
    yield "    def as_user(self, user_id: int) -> Client: ..."
    yield (
        "    def with_options(self, *, timeout: Any = None, retry: Any = None, "
        "read_only: Any = False) -> Client: ..."
    )


# Text --------------------------------------------------------------------------------------------


def _literal(name: str, values: Sequence[str | int]) -> Iterator[str]:
    """Write a type of some values, one a line; nothing has the type if there are none."""
    if not values:
        yield f"{name} = NoReturn"
        return
    yield f"{name} = Literal["
    yield from (f"    {_quoted(value)}," for value in values)
    yield "]"


def _method(name: str, forms: Sequence[str]) -> Iterator[str]:
    for form in forms:
        if len(forms) > 1:
            yield "    @overload"
        yield f"    def {name}{form}: ..."


def _quoted(value: str | int) -> str:
    """Write a value in Python; no text of the account leaves its quotes, or commands a terminal."""
    if isinstance(value, int):
        return str(value)
    quoted = json.dumps(value, ensure_ascii=False)
    return quoted if quoted.isprintable() else json.dumps(value)
