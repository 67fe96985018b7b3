"""Salesbots. Source: reference 4.31."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Literal, NoReturn, TypeAlias, TypedDict

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.endpoint import near
from amocrm.resources.item_checks import as_list
from amocrm.resources.named import HasNames
from amocrm.resources.one_item import OneReadable
from amocrm.resources.verbs import Gets, Lists

if TYPE_CHECKING:
    from amocrm.resources.filter_values import Id
    from amocrm.schema.bots import Bot, BotRun
    from amocrm.schema.enums import BotFunction

BotWith: TypeAlias = Literal["favorite"]

_LEGACY_RUN: Final = "/api/v2/salesbot/run"
_LEGACY_TYPES: Final = {"contacts": "1", "leads": "2", "customers": "12"}


class BotFilter(TypedDict, total=False):
    """What bots can be filtered by."""

    id: Id | Iterable[Id]
    type_functionality: BotFunction | Iterable[BotFunction]


class OneBot(OneReadable["Bot", BotWith]):
    """What can be done with one bot. Only Kommo takes it here."""

    __slots__ = ()

    def run(self, entity_id: int, entity_type: Literal["leads", "contacts"] = "leads") -> None:
        """Start it for an entity."""
        self._tell("run", entity_id, entity_type)

    def stop(self, entity_id: int) -> None:
        """Stop it for a lead."""
        self._tell("stop", entity_id, "leads")

    def _tell(self, what: str, entity_id: int, entity_type: str) -> None:
        sent = {"entity_id": entity_id, "entity_type": entity_type}
        self._api.request.post(f"{self._path}/{what}", sent)


class Bots(
    Lists["Bot", BotFilter, BotWith, NoReturn], Gets["Bot", BotWith], HasNames["Bot"],
    path="bots", source="4.31",
):  # fmt: skip
    """Salesbots. Kommo lists them; amoCRM only runs them. They are made by hand."""

    __slots__ = ()
    _called = ("bot", "bots")

    def __call__(self, id: int | str) -> OneBot:  # noqa: A002
        """Return what can be done with one bot."""
        return self._at(OneBot, id)

    def run_many(self, runs: BotRun | Iterable[BotRun]) -> None:
        """Start bots, a hundred in a call at most. Only Kommo takes it."""
        self._api.request.post(f"{self._path}/run", as_list(runs, "runs"))

    def run_legacy(self, runs: BotRun | Iterable[BotRun]) -> None:
        """Start bots through the old API, which amoCRM takes as well as Kommo."""
        items = as_list(runs, "runs")
        sent = [{**run, "entity_type": _legacy(run.get("entity_type"))} for run in items]
        self._api.request.post(_LEGACY_RUN, sent)


def _legacy(entity_type: Json) -> str:
    if not isinstance(entity_type, str) or entity_type not in _LEGACY_TYPES:
        raise ConfigurationError(
            f"a bot cannot be run for {entity_type!r}", hint=near(str(entity_type), _LEGACY_TYPES)
        )
    return _LEGACY_TYPES[entity_type]
