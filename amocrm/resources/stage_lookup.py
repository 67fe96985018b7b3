"""Pipelines as they are listed → the stage that is meant by a name. Source: reference 4.5."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from amocrm._support.arguments import check_text
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.endpoint import near

_SHOWN: Final = 10
"""Stages that a message lists at most."""


class FoundStage(NamedTuple):
    """A stage, and the pipeline that it is in."""

    pipeline: Mapping[str, Json]
    stage: Mapping[str, Json]

    def __str__(self) -> str:
        pipeline, stage = self
        return f"{stage['name']!r} (id {stage['id']}) of {pipeline['name']!r} (id {pipeline['id']})"


def find_stage(
    pipelines: Iterable[Mapping[str, Json]], stage: str, pipeline: str | int | None = None
) -> FoundStage:
    """Return the only stage of a name: as written, else in any case.

    Args:
        pipelines: with their stages, as the API lists them.
        stage: its name.
        pipeline: its name or id; any, if none is given.

    Raises:
        ConfigurationError: there is none, and the nearest name is suggested; or there are several,
            and the message lists them.
    """
    check_text("the name of a stage", stage)
    if not isinstance(pipeline, int) and pipeline is not None:
        check_text("pipeline", pipeline)
    known = list(pipelines)
    wanted = known if pipeline is None else _of_pipeline(known, pipeline)
    places = [FoundStage(one, status) for one in wanted for status in one["_embedded"]["statuses"]]
    names = [str(place.stage["name"]) for place in places]
    found = [place for place, is_it in zip(places, _are(names, stage), strict=True) if is_it]
    if not found:
        where = "" if pipeline is None else f" in the pipeline {pipeline!r}"
        hint = near(stage, dict.fromkeys(names))
        raise ConfigurationError(f"there is no stage {stage!r}{where}", hint=hint)
    if len(found) > 1:
        shown = "; ".join(map(str, found[:_SHOWN]))
        hint = "name the pipeline" if pipeline is None else "take the id of the one you mean"
        raise ConfigurationError(f"{len(found)} stages are called {stage!r}: {shown}", hint=hint)
    return found[0]


def _of_pipeline(known: list[Mapping[str, Json]], wanted: str | int) -> list[Mapping[str, Json]]:
    if isinstance(wanted, int):
        found = [one for one in known if one["id"] == wanted]
    else:
        are = _are([str(one["name"]) for one in known], wanted)
        found = [one for one, is_it in zip(known, are, strict=True) if is_it]
    if not found:
        names = [str(one["name"]) for one in known]
        hint = near(str(wanted), names)
        raise ConfigurationError(f"there is no pipeline {wanted!r}", hint=hint)
    return found


def _are(names: list[str], wanted: str) -> list[bool]:
    """Tell which names are the wanted one: as written, else in any case."""
    exact = [name == wanted for name in names]
    return exact if any(exact) else [_fold(name) == _fold(wanted) for name in names]


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())
