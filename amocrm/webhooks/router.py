"""Hooks: which handlers an event has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol, TypeAlias, TypeVar, cast, get_args

from amocrm.client import AmoCRM
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.endpoint import near
from amocrm.resources.name_lookup import check_name, find_named, find_stages
from amocrm.schema.enums import WebhookCode
from amocrm.webhooks.authors import author_of, is_unchanged, number_of
from amocrm.webhooks.codes import ACCOUNT, CODES, EventCode
from amocrm.webhooks.event import Event, Kind

Handler: TypeAlias = Callable[[Event, AmoCRM], object]
H = TypeVar("H", bound=Handler)

ENTITIES: Final = frozenset(one.entity for one in ACCOUNT) | {"catalog_elements"}
_IN_PIPELINES: Final = ("leads", "unsorted")

LONGEST_NAME: Final = 100


class AccountLookup(Protocol):
    """What events are compared with; it is read when it is first needed, and kept for a while."""

    def user_id(self) -> int:
        """Return the id of the user whose token the client has."""
        ...

    def pipelines(self) -> Sequence[dict[str, Json]]:
        """Return the pipelines of leads with their stages."""
        ...


class Route(NamedTuple):
    """What an event must be like; a condition that is empty is met by all events."""

    codes: frozenset[str] = frozenset()
    entity: str | None = None
    kind: Kind | None = None
    pipeline: str | int | None = None
    stage: str | int | None = None
    ignore_own: bool = False
    ignore_unchanged: bool = False

    def matches(self, event: Event, account: AccountLookup) -> bool:
        """Tell whether an event is for this route. Calls the API for names and for the user.

        Raises:
            ConfigurationError: the account has no such pipeline or stage; names like it are
                suggested.
        """
        return (
            self._is_of_kind(event)
            and not (self.ignore_unchanged and is_unchanged(event))
            and self._is_in_place(event, account)
            and not (self.ignore_own and self._is_own(event, account))
        )

    def _is_of_kind(self, event: Event) -> bool:
        return (
            (not self.codes or not self.codes.isdisjoint(names_of(event)))
            and self.entity in (None, event.entity)
            and self.kind in (None, event.kind)
        )

    def _is_in_place(self, event: Event, account: AccountLookup) -> bool:
        if self.pipeline is None and self.stage is None:
            return True
        if event.entity not in _IN_PIPELINES:
            return False
        pipeline_id = number_of(event.item, "pipeline_id")
        status_id = number_of(event.item, "status_id")
        if isinstance(self.stage, str):
            if status_id is None:
                return False
            places = find_stages(account.pipelines(), self.stage, self.pipeline)
            ids = [(place.pipeline["id"], place.stage["id"]) for place in places]
            # A hook without its pipeline is known by a stage that no other pipeline has.
            return any(
                status_id == stage and pipeline_id in (pipeline, None) for pipeline, stage in ids
            )
        if self.stage is not None and self.stage != status_id:
            return False
        if not isinstance(self.pipeline, str):
            return self.pipeline in (None, pipeline_id)
        found = find_named(account.pipelines(), self.pipeline, ("pipeline", "pipelines"))
        return bool(found["id"] == pipeline_id)

    def _is_own(self, event: Event, account: AccountLookup) -> bool:
        author = author_of(event)
        return bool(author) and author == account.user_id()


class Hooks:
    """Handlers of webhooks, each with the events that it wants.

    A handler gets the event and a client of its account; it may be an `async def`. Handlers are
    called in the order in which they were added; each is called once for an event, and again only
    if it raised an error.

    Args:
        ignore_own: leave out events whose author is the user of our token: the echoes of our own
            writes, and what this person changes by hand.
        ignore_unchanged: leave out changes of the stage, the responsible user or the period that
            lead to where it was before.
    """

    def __init__(self, *, ignore_own: bool = False, ignore_unchanged: bool = False) -> None:
        self._ignore_own = ignore_own
        self._ignore_unchanged = ignore_unchanged
        self._handlers: dict[str, tuple[Handler, tuple[Route, ...]]] = {}

    def __repr__(self) -> str:
        return f"<Hooks: {len(self._handlers)} handlers>"

    def on(
        self,
        *codes: str,
        entity: str | None = None,
        kind: Kind | None = None,
        pipeline: str | int | None = None,
        stage: str | int | None = None,
        name: str | None = None,
        ignore_own: bool | None = None,
        ignore_unchanged: bool | None = None,
        lenient: bool = False,
    ) -> Callable[[H], H]:
        """Call a function for events that meet all these conditions.

        Args:
            codes: one or more names used to subscribe, such as `status_lead`.
            entity: such as `leads`: all events of this entity.
            kind: who sends it, such as `bot`.
            pipeline: name or id of the pipeline in which the lead is now.
            stage: name or id of the stage in which the lead is now.
            name: of the handler, by which the inbox remembers that it has finished; by default
                that of the function. Renaming it makes it a new handler.
            ignore_own: as in `Hooks`, for this handler.
            ignore_unchanged: as in `Hooks`, for this handler.
            lenient: accept codes and entities that this version does not know.

        Raises:
            ConfigurationError: there is no such code, entity or kind; or another function is
                called so. Names of pipelines and stages are checked when an event comes.
        """
        own = self._ignore_own if ignore_own is None else ignore_own
        unchanged = self._ignore_unchanged if ignore_unchanged is None else ignore_unchanged
        if not codes and entity is None and kind is None:
            raise ConfigurationError(
                "say for which events", hint='@hooks.on("add_lead"), or @hooks.on_any for all'
            )
        route = Route(frozenset(codes), entity, kind, pipeline, stage, own, unchanged)
        _check(codes, route, lenient)
        return lambda handler: self._add(handler, name, route)

    def on_any(self, handler: H) -> H:
        """Call a function for all events."""
        ignores = (self._ignore_own, self._ignore_unchanged)
        return self._add(handler, None, Route(ignore_own=ignores[0], ignore_unchanged=ignores[1]))

    @property
    def codes(self) -> list[WebhookCode]:
        """The codes of account webhooks that these handlers need, sorted: what to subscribe to."""
        routes = [route for _, routes in self._handlers.values() for route in routes]
        codes = sorted(one.code for one in ACCOUNT if any(_needs(route, one) for route in routes))
        return cast("list[WebhookCode]", codes)

    def handlers(self, event: Event, account: AccountLookup) -> list[tuple[str, Handler]]:
        """Return the handlers of an event with their names."""
        return [
            (name, handler)
            for name, (handler, routes) in self._handlers.items()
            if any(route.matches(event, account) for route in routes)
        ]

    def _add(self, handler: H, name: str | None, route: Route) -> H:
        name = _name_of(handler) if name is None else name
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
            raise ConfigurationError(
                f"the name of a handler is a text of 1 to {LONGEST_NAME} characters"
            )
        known, routes = self._handlers.get(name, (handler, ()))
        if known is not handler:
            raise ConfigurationError(
                f"two handlers are called {name!r}", hint='@hooks.on(..., name="another name")'
            )
        self._handlers[name] = handler, (*routes, route)
        return handler


def names_of(event: Event) -> set[str]:
    """Return the codes of an event: a new responsible user may be told as an update."""
    names = {event.code, event.wire}
    if event.action == "responsible" and event.wire.endswith("/update"):
        names.add(event.code.replace("responsible", "update", 1))
    return names


def _needs(route: Route, code: EventCode) -> bool:
    return (
        route.entity in (None, code.entity)
        and route.kind in (None, "account")
        and (not route.codes or not route.codes.isdisjoint((code.code, code.wire)))
    )


def _check(codes: tuple[str, ...], route: Route, lenient: bool) -> None:
    for code in codes:
        if not isinstance(code, str):
            raise ConfigurationError(
                f"a code is a text, not {type(code).__name__}", hint='@hooks.on("add_lead")'
            )
        wires = {one.wire for one in ACCOUNT}
        if not lenient and code not in CODES | wires:
            raise ConfigurationError(f"there is no event {code!r}", hint=near(code, CODES))
    if not lenient and route.entity is not None and route.entity not in ENTITIES:
        raise ConfigurationError(
            f"there are no events of {route.entity!r}", hint=near(str(route.entity), ENTITIES)
        )
    if route.kind is not None and route.kind not in get_args(Kind):
        raise ConfigurationError(
            f"no webhook is of the kind {route.kind!r}", hint=near(str(route.kind), get_args(Kind))
        )
    for what in ("pipeline", "stage"):
        value = getattr(route, what)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            check_name(value, what)
    _check_place(codes, route)


def _check_place(codes: tuple[str, ...], route: Route) -> None:
    """Refuse a pipeline or a stage for events that can have none."""
    if route.pipeline is None and route.stage is None:
        return
    entities = {one.entity for one in ACCOUNT if one.code in codes or one.wire in codes}
    if route.entity is not None:
        entities.add(route.entity)
    outside = sorted(entities - {*_IN_PIPELINES, ""})
    if outside:
        raise ConfigurationError(f"{outside[0]} are in no pipeline", hint="only leads are")


def _name_of(handler: Handler) -> str:
    if not callable(handler):
        raise ConfigurationError(f"a handler is a function, not {type(handler).__name__}")
    name = getattr(handler, "__qualname__", None)
    if not isinstance(name, str):
        raise ConfigurationError("this handler has no name", hint='@hooks.on(..., name="a name")')
    return name.replace("<locals>.", "")
