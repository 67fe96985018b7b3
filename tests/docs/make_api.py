"""Writes docs/api.md, docs/api.ru.md and tests/typing/check_api.py from the code.

Run `python -m tests.docs.make_api`. Signatures and results come from the classes of the resources,
rights from the sandbox's table, examples from `tests.docs.api_examples`. Both type checkers read
the examples in tests/typing/check_api.py; tests/docs/test_api.py runs them against the sandbox.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn, TypeVar, get_args, get_origin

from amocrm.api_limits import BATCH_LIMIT, PAGE_LIMIT
from amocrm.bulk.pages import batch_limit, page_limit
from amocrm.resources.resource import Resource
from amocrm.sandbox.engine.collection import Collection
from amocrm.sandbox.engine.table import TABLE
from tests.docs.api_examples import DEFAULTS, GIVEN, examples_of
from tests.docs.api_words import ENGLISH_HEAD, PLANS, RUSSIAN, RUSSIAN_HEAD
from tests.resources.table import Seat, item_of, verbs, walk

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
CHECKED: Final = ROOT / "tests" / "typing" / "check_api.py"

COMMON: Final = (
    *("list", "get", "create", "create_many", "update", "update_many", "delete", "edit"),
    *("changes", "cf", "save", "save_many"),
)
"""Methods of many resources: all their options are on the page once, at the top."""

OPTIONS: Final = frozenset(
    {"params", "limit", "ahead", "expect", "unique", "progress", "size", "journal", "retry",
     "timeout", "if_unchanged", "since", "checkpoint", "overlap"}
)  # fmt: skip
"""Options of the common methods, which each resource shows as `...`."""

ELSEWHERE: Final = {"drive": "/v1.0/files"}
"""Addresses at a host of their own."""


class Method(NamedTuple):
    """A method of a resource, as the page shows it."""

    name: str
    signature: str
    result: str


class Section(NamedTuple):
    """A resource, with all addresses where it is."""

    kind: type[Resource]
    seats: tuple[Seat, ...]

    @property
    def first(self) -> Seat:
        return self.seats[0]


def sections() -> list[Section]:
    """Return every resource once, in the order of its first address."""
    found: dict[type[Resource], list[Seat]] = {}
    for seat in walk():
        found.setdefault(seat.kind, []).append(seat)
    return [Section(kind, tuple(seats)) for kind, seats in found.items()]


def owners(kind: type[Resource]) -> list[tuple[type[Resource], str]]:
    """Return the classes whose methods a section shows: the resource, and one item of it."""
    one = item_of(kind)
    return [(kind, ""), *([(one, "(id).")] if one else [])]


def methods(kind: type[Resource]) -> list[str]:
    """Return all methods that a section shows: `list`, `(id).move`."""
    return [prefix + name for owner, prefix in owners(kind) for name in verbs(owner)]


# Signatures --------------------------------------------------------------------------------------


def _type_arguments(kind: type) -> dict[type, dict[str, object]]:
    """Return what the type variables of each base stand for in a class."""
    found: dict[type, dict[str, object]] = {}

    def resolve(one: type, known: dict[str, object]) -> None:
        for base in getattr(one, "__orig_bases__", one.__bases__):
            origin = get_origin(base) or base
            names = [each.__name__ for each in getattr(origin, "__parameters__", ())]
            given = [_resolved(each, known) for each in get_args(base)]
            if origin.__module__.startswith("amocrm.") and origin not in found:
                found[origin] = dict(zip(names, given, strict=False))
                resolve(origin, found[origin])

    resolve(kind, {})
    return found


def _resolved(argument: object, known: dict[str, object]) -> object:
    return known.get(argument.__name__, argument) if isinstance(argument, TypeVar) else argument


def _named(argument: object) -> str:
    if argument is NoReturn:
        return "NoReturn"
    name = getattr(argument, "__forward_arg__", None) or getattr(argument, "__name__", "Literal")
    return "str" if name == "Literal" else str(name)


def method_of(kind: type[Resource], name: str) -> Method:
    """Return a method with its types, as they are in this class."""
    function = inspect.unwrap(getattr(kind, name))
    owner = next(one for one in kind.__mro__ if name in vars(one))
    known = {key: _named(one) for key, one in _type_arguments(kind).get(owner, {}).items()}

    def typed(annotation: object) -> str:
        text = "" if annotation is inspect.Parameter.empty else str(annotation)
        return re.sub(r"\b[A-Z]\b", lambda found: known.get(found[0], found[0]), text)

    is_common = name in COMMON
    signature = inspect.signature(function)
    parts: list[str] = []
    is_keyword = has_options = False
    for parameter in list(signature.parameters.values())[1:]:
        annotation = typed(parameter.annotation)
        if "NoReturn" in annotation or (
            parameter.name == "query" and is_common and not kind.endpoint.query
        ):
            continue
        if is_common and parameter.name in OPTIONS:
            has_options = True
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not is_keyword:
            is_keyword = True
            parts.append("*")
        parts.append(_parameter(parameter, annotation, is_common=is_common))
    if has_options:
        parts.append("...")
    result = typed(signature.return_annotation).removesuffix(" | Changes[NoReturn]")
    return Method(name, f"{name}({', '.join(parts)})", result)


_PLAIN: Final = frozenset({"id", "with_", "order", "query"})


def _parameter(parameter: inspect.Parameter, annotation: str, *, is_common: bool) -> str:
    star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
    if is_common and parameter.name in _PLAIN:
        return parameter.name
    default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
    if default == " = None":
        annotation, default = annotation.removesuffix(" | None"), " = None"
    return f"{star}{parameter.name}: {annotation}{'' if is_common else default}"


# Rights ------------------------------------------------------------------------------------------


def rights(seat: Seat) -> tuple[bool, bool]:
    """Tell whether reading and writing at an address take an administrator."""
    reads, writes = [False], [False]
    for entry in TABLE:
        if re.sub(r"<[^>]*>", "{id}", entry.path) != seat.path:
            continue
        if isinstance(entry, Collection):
            for name, verb in entry.verbs.items():
                (reads if name in ("list", "one") else writes).append(verb.admin)
        else:
            (reads if entry.method == "GET" else writes).append(entry.admin)
    return any(reads), any(writes)


RIGHTS: Final = {
    (False, True): ("an administrator to write", "администратор — для записи"),
    (True, True): ("an administrator", "администратор"),
    (True, False): ("an administrator to read", "администратор — для чтения"),
}


# The page ----------------------------------------------------------------------------------------


def render(*, russian: bool) -> str:
    """The page in one of its languages."""
    head = RUSSIAN_HEAD if russian else ENGLISH_HEAD
    whole = [head.format(page=PAGE_LIMIT, batch=BATCH_LIMIT).rstrip(), ""]
    whole += [*_common_methods(), ""]
    for section in sections():
        whole += _section(section, russian=russian)
    return "\n".join(whole).rstrip() + "\n"


def _common_methods() -> Iterator[str]:
    from amocrm.resources import changes, entity, verbs

    owners = [
        *(verbs.Lists, verbs.Gets, verbs.Creates, verbs.Creates, verbs.Updates, verbs.UpdatesMany),
        *(verbs.Deletes, verbs.Edits, changes.HasChanges, entity.HasCustomFields),
        *(entity.HasCustomFields, entity.HasCustomFieldsInBulk),
    ]
    for name, owner in zip(COMMON, owners, strict=True):
        signature = inspect.signature(inspect.unwrap(getattr(owner, name)))
        shown = [
            str(one).split(":")[0].split("=")[0].strip()
            + ("" if one.default is one.empty else f"={one.default!r}")
            for one in list(signature.parameters.values())[1:]
        ]
        kinds = [one.kind for one in list(signature.parameters.values())[1:]]
        if inspect.Parameter.KEYWORD_ONLY in kinds:
            shown.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
        yield f"- `{name}({', '.join(shown)})`"


_ADMIN: Final = re.compile(r"(?:(?:Writing|All of it) takes|Takes) an administrator\.")
"""Said of rights in docstrings; the page says it in a line of its own."""


def _first_line(kind: type[Resource]) -> str:
    return str(inspect.getdoc(kind)).split("\n")[0]


def _section(section: Section, *, russian: bool) -> Iterator[str]:
    kind, seat, endpoint = section.kind, section.first, section.kind.endpoint
    level = "##" if "." not in seat.expression else "###"
    address = ELSEWHERE.get(seat.expression, f"/api/v4{seat.path}")
    yield f"{level} `crm.{seat.expression}`\n"
    said = RUSSIAN[kind.__name__] if russian else _ADMIN.sub("", _first_line(kind)).strip()
    yield f"{said} `{address}`, {'раздел' if russian else 'section'} {endpoint.source}.\n"
    if len(section.seats) > 1:
        others = ", ".join(f"`crm.{one.expression}`" for one in section.seats[1:])
        yield f"{'То же' if russian else 'The same'}: {others}.\n"
    needs = [*_needs(section, russian=russian)]
    if needs:
        yield f"{'Нужно' if russian else 'Needs'}: {'; '.join(needs)}.\n"
    for owner, prefix in owners(kind):
        for name in verbs(owner):
            method = method_of(owner, name)
            example = examples_of(kind.__name__, seat, prefix + name)
            yield f"- `{prefix}{method.signature}` → `{method.result}`<br>`{example}`"
    for name, names in [
        ("filter", endpoint.filters),
        ("with_", endpoint.withs),
        ("order", endpoint.orders),
    ]:
        if names:
            yield f"- `{name}`: {', '.join(f'`{one}`' for one in sorted(names))}"
    yield from _limits(kind, address, russian=russian)
    yield ""


def _needs(section: Section, *, russian: bool) -> Iterator[str]:
    needed = {rights(seat) for seat in section.seats}
    for each, words in RIGHTS.items():
        if each in needed:
            yield words[russian]
    if plan := PLANS.get(section.kind.__name__):
        yield plan[russian]


def _limits(kind: type[Resource], path: str, *, russian: bool) -> Iterator[str]:
    page, batch = page_limit(path), batch_limit(path)
    if "list" in verbs(kind) and page != PAGE_LIMIT:
        yield f"- {'на странице не больше' if russian else 'items on a page:'} {page}"
    if "create_many" in verbs(kind) and batch != BATCH_LIMIT:
        yield f"- {'одним вызовом не больше' if russian else 'items in a call:'} {batch}"


# The examples, for the type checkers -------------------------------------------------------------

CHECK_HEAD: Final = '''"""Never executed: the examples of docs/api.md, for both type checkers.

Written by `python -m tests.docs.make_api`.
"""
# fmt: off
# ruff: noqa: B018, E501, E701

from __future__ import annotations

from amocrm import AmoCRM
'''


def render_checks() -> str:
    """The examples as a module, one function for each resource."""
    lines = [CHECK_HEAD]
    for section in sections():
        kind, seat = section.kind, section.first
        examples = [examples_of(kind.__name__, seat, name) for name in methods(kind)]
        used = [
            name
            for name in {**DEFAULTS, **GIVEN}
            if any(re.search(rf"\b{name}\b", re.sub(r'"[^"]*"', "", one)) for one in examples)
        ]
        given = "".join(f", {name}: {_type_of(name)}" for name in used)
        title = re.sub(r"\W+", "_", seat.expression).strip("_")
        lines.append(f"\ndef check_{title}(crm: AmoCRM{given}) -> None:")
        lines += [f"    {one}" for one in examples]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _type_of(name: str) -> str:
    value: Any = {**DEFAULTS, **GIVEN}[name]
    return value if isinstance(value, str) else type(value).__name__


def main() -> None:
    """Write all three."""
    for name, russian in [("api.md", False), ("api.ru.md", True)]:
        (DOCS / name).write_text(render(russian=russian), encoding="utf-8")
    CHECKED.write_text(render_checks(), encoding="utf-8")


if __name__ == "__main__":
    main()
