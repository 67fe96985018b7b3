"""A resource of the API is a class whose header is its row of the table."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import tzinfo
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import (
    TYPE_CHECKING,
    ClassVar,
    Final,
    ForwardRef,
    Literal,
    NoReturn,
    TypeVar,
    cast,
    get_args,
    get_origin,
)

from amocrm.errors import ConfigurationError, NotOfferedError, ValidationError
from amocrm.http.messages import Json
from amocrm.http.paths import segment
from amocrm.resources import lazy
from amocrm.resources.endpoint import Endpoint, near
from amocrm.resources.filter_values import Facts
from amocrm.resources.lazy import ROOT, ResourceOwner

_VERBS: Final = {
    "create": "created",
    "create_many": "created",
    "delete": "deleted",
    "get": "read one by one",
    "list": "listed",
    "update": "changed",
    "update_many": "changed many at once",
}


_DIGITS: Final = 18

_HUGE: Final = 10**_DIGITS
"""No id is as large; Python does not even write a number of thousands of digits."""


_SHARED_SHAPES: Final = ("common", "complex")
"""Modules of shapes that are not called like a module of resources."""


class Resource(ResourceOwner):
    """A place in the API. Subclasses give their row in the header.

    Attributes:
        endpoint: what the API offers here; see `Endpoint`.
    """

    __slots__ = ("_api", "_context", "_path")

    endpoint: ClassVar[Endpoint] = Endpoint("")
    _arguments: ClassVar[tuple[str, ...]] = ()
    """What the type arguments of a verb are, in their order."""

    def __init__(self, owner: ResourceOwner, path: str) -> None:
        self._api = owner._api
        self._context = owner._context
        self._path = f"{owner._path}/{path}"

    def __init_subclass__(
        cls, *, path: str = "", source: str = "", query: bool = False, text_id: bool = False
    ) -> None:
        super().__init_subclass__()
        if source:
            asked = _arguments_of(cls)
            filters = member_types(asked.get("filter"))
            withs, orders = get_args(asked.get("with")), tuple(member_types(asked.get("order")))
            cls.endpoint = Endpoint(path, source, filters, withs, orders, query, text_id)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self._path}>"

    if not TYPE_CHECKING:  # A checker knows better: it refuses what is not there.

        def __getattr__(self, name: str) -> NoReturn:
            """Say in words what the API does not offer."""
            # Whoever copies a place asks it for names before it has a path.
            if name.startswith("_"):
                raise _not_offered(type(self), type(self).__name__, name)
            elsewhere = self._elsewhere(name)
            if elsewhere is not None:
                raise NotOfferedError(f"{self._where} has no {name!r} here", hint=elsewhere)
            raise _not_offered(type(self), self._where, name)

    @property
    def _where(self) -> str:
        """The path as messages show it."""
        return self._path.removeprefix(f"{ROOT}/")

    def _at(self, one: type[R], number: int | str) -> R:
        """Return the place of one item below this one."""
        return one(self, self._id(number))

    def _item(self, number: int | str) -> str:
        """Return the path of one item."""
        return f"{self._path}/{self._id(number)}"

    @contextmanager
    def _explained(self) -> Generator[None, None, None]:
        """Let a refusal name the custom fields that it is about, if they are known by now."""
        try:
            yield
            self._written()
        except ValidationError as error:
            raise self._explain(error) from None

    def _explain(self, error: Exception) -> Exception:
        """Return an error that names the custom fields it is about."""
        return self._context.explain(error, self._kind)

    def _written(self) -> None:
        """Hear that something was written here."""

    @property
    def _kind(self) -> str:
        """The kind of entity that custom fields are of, where there are any: `catalogs/7`."""
        return self._where.removesuffix("/elements").removesuffix("/complex")

    def _facts(self) -> Facts:
        """Return what values of filters need of the account; each is asked for if one needs it."""
        return Facts(self._zone, self._read_fields)

    def _zone(self) -> tzinfo:
        return self._context.definitions().zone()

    def _read_fields(self, value: Json, facts: Facts) -> Json:
        find = partial(self._context.definitions().find, self._kind)
        return lazy.field_filters.field_filters(value, find, facts)

    def _elsewhere(self, name: str) -> str | None:
        """Return where else what is not offered here is offered."""
        return None

    def _id(self, number: int | str) -> str:
        return read_id(number, self._where, text=self.endpoint.text_id)


R = TypeVar("R", bound=Resource)


def _not_offered(kind: type[Resource], where: str, name: str) -> NotOfferedError:
    """Tell what the API does not offer at a place, and what it does."""
    offered = [one for one in dir(kind) if not one.startswith("_") and one != "endpoint"]
    if name in _VERBS:
        return NotOfferedError(f"{where} cannot be {_VERBS[name]} through amoCRM's API")
    return NotOfferedError(f"{where} has no {name!r}", hint=near(name, offered))


def _arguments_of(resource: type[Resource]) -> dict[str, object]:
    """Return the type arguments of a resource's verbs, by what they are."""
    found: dict[str, object] = {}
    for base in getattr(resource, "__orig_bases__", ()):
        names: tuple[str, ...] = getattr(get_origin(base), "_arguments", ())
        if names:
            found = dict(zip(names, get_args(base), strict=True)) | found
    return found


def member_types(shape: object) -> dict[str, str]:
    """Return the members of a TypedDict, each with its type as it is written."""
    annotations: dict[str, object] = getattr(shape, "__annotations__", {})
    return {
        # One that is made by a call, for a name such as "from", has types instead.
        name: one.__forward_arg__ if isinstance(one, ForwardRef) else str(one)
        for name, one in annotations.items()
    }


def shape_of(resource: type[Resource], what: Literal["item", "new", "patch"]) -> Mapping[str, str]:
    """Return the members that an item of a resource has, or that creating or changing one takes.

    Each with its type, as it is written. They are read from the shapes in the resource's header,
    which are in the module of `amocrm.schema` that is called like the resource's own, or in a
    shared one. Empty where there is no such verb.
    """
    name = getattr(_arguments_of(resource).get(what), "__forward_arg__", None)
    if name is None:
        return {}
    shape = shape_named(name, resource.__module__.rpartition(".")[2])
    if shape is None:
        raise LookupError(f"{resource.__name__}: no module of shapes has {name}")
    return member_types(shape)


def shape_named(name: str, home: str) -> type[object] | None:
    """Return the shape that a type in a module of `amocrm.schema` names; None if it names none."""
    for module in (home, *_SHARED_SHAPES):
        if find_spec(f"amocrm.schema.{module}") is not None:
            found = vars(import_module(f"amocrm.schema.{module}")).get(name)
            if hasattr(found, "__required_keys__"):
                return cast("type[object]", found)
    return None


def members(resource: type[Resource], what: Literal["item", "new", "patch"]) -> frozenset[str]:
    """Return the names of `shape_of`."""
    return frozenset(shape_of(resource, what))


def read_id(number: int | str, where: str, *, text: bool = False) -> str:
    """Return an id as a segment of a path.

    Raises:
        ConfigurationError: it is none: an id is a positive number, which may be written in digits,
            as webhooks do; or a text, where the resource has texts.
    """
    if text:
        if not isinstance(number, str) or number in ("", ".", ".."):
            raise ConfigurationError(f"an id of {where} is a text")
        return segment(f"an id of {where}", number)
    if isinstance(number, int) and not isinstance(number, bool) and 0 < number < _HUGE:
        return str(int(number))
    digits = number if isinstance(number, str) and len(number) <= _DIGITS else ""
    if not digits.isascii() or not digits.isdecimal() or not digits.strip("0"):
        raise ConfigurationError(f"an id of {where} is a positive whole number")
    return digits
