"""Items as they are listed → the one that is meant by a name. Source: reference 4.5, 4.19."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from amocrm.bulk.pages import ShapeError
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.endpoint import closest

_SHOWN: Final = 10
"""Items or names that a message lists at most."""


class FoundStage(NamedTuple):
    """A stage, and the pipeline that it is in."""

    pipeline: Mapping[str, Json]
    stage: Mapping[str, Json]

    def __str__(self) -> str:
        return f"{_shown(self.stage)} of {_shown(self.pipeline)}"


def find_named(
    items: Iterable[Mapping[str, Json]],
    name: str,
    what: tuple[str, str],
    keys: tuple[str, ...] = ("name",),
) -> Mapping[str, Json]:
    """Return the only item of a name: as written, else in any case.

    Args:
        items: as the API lists them.
        name: of one of them.
        what: what one of them is called, and several.
        keys: members that may be the name.

    Raises:
        ConfigurationError: there is none, and names like it are suggested; or there are several,
            and the message lists them.
        ShapeError: the items are not as the API lists them.
    """
    check_name(name, what[0])
    known = _checked(items, "item")
    names = [_name_of(one, keys) for one in known]
    found = [one for one, is_it in zip(known, _are(names, name), strict=True) if is_it]
    if not found:
        raise _unknown(f"there is no {what[0]} {name!r}", name, names)
    if len(found) > 1:
        shown = "; ".join(map(_shown, found[:_SHOWN]))
        message = f"{len(found)} {what[1]} are called {name!r}: {shown}"
        raise ConfigurationError(message, hint="take the id of the one you mean")
    return found[0]


def find_stage(
    pipelines: Iterable[Mapping[str, Json]], stage: str, pipeline: str | int | None = None
) -> FoundStage:
    """Return the only stage of a name: as written, else in any case.

    Args:
        pipelines: with their stages, as the API lists them.
        stage: its name.
        pipeline: its name or id; any, if none is given.

    Raises:
        ConfigurationError: there is none, and names like it are suggested; or there are several,
            and the message lists them.
        ShapeError: the pipelines are not as the API lists them.
    """
    found = find_stages(pipelines, stage, pipeline)
    if len(found) > 1:
        shown = "; ".join(map(str, found[:_SHOWN]))
        hint = "name the pipeline" if pipeline is None else "take the id of the one you mean"
        raise ConfigurationError(f"{len(found)} stages are called {stage!r}: {shown}", hint=hint)
    return found[0]


def find_stages(
    pipelines: Iterable[Mapping[str, Json]], stage: str, pipeline: str | int | None = None
) -> list[FoundStage]:
    """Return all stages of a name, one at least: as written, else in any case.

    Raises:
        ConfigurationError: there is none, and names like it are suggested.
    """
    check_name(stage, "stage")
    if pipeline is not None and not isinstance(pipeline, int):
        check_name(pipeline, "pipeline")
    known = _checked(pipelines, "pipeline")
    wanted = known if pipeline is None else _of_pipeline(known, pipeline)
    places = [FoundStage(one, status) for one in wanted for status in _stages(one)]
    names = [_name_of(place.stage) for place in places]
    found = [place for place, is_it in zip(places, _are(names, stage), strict=True) if is_it]
    if not found:
        where = "" if pipeline is None else f" in the pipeline {pipeline!r}"
        raise _unknown(f"there is no stage {stage!r}{where}", stage, names)
    return found


def _checked(items: Iterable[Mapping[str, Json]], what: str) -> list[Mapping[str, Json]]:
    """Return what the server lists, each with an id."""
    known: list[Mapping[str, Json]] = list(items)
    for one in known:
        if not isinstance(one, Mapping) or one.get("id") is None:
            raise ShapeError(f"{'an' if what == 'item' else 'a'} {what} without an id")
    return known


def _stages(pipeline: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    embedded = pipeline.get("_embedded")
    stages = embedded.get("statuses") if isinstance(embedded, Mapping) else None
    if not isinstance(stages, list):
        raise ShapeError("a pipeline without its stages")
    return _checked(stages, "stage")


def check_name(name: object, what: str) -> None:
    """Check that a name is a text.

    Raises:
        ConfigurationError: it is not, or it is empty.
    """
    if not isinstance(name, str) or not name.strip():
        given = "an empty one" if isinstance(name, str) else type(name).__name__
        raise ConfigurationError(f"the name of a {what} is a text, not {given}")


def _of_pipeline(known: list[Mapping[str, Json]], wanted: str | int) -> list[Mapping[str, Json]]:
    names = [_name_of(one) for one in known]
    if isinstance(wanted, int):
        are = [one["id"] == wanted for one in known]
    else:
        check_name(wanted, "pipeline")
        are = _are(names, wanted)
    found = [one for one, is_it in zip(known, are, strict=True) if is_it]
    if not found:
        raise _unknown(f"there is no pipeline {wanted!r}", str(wanted), names)
    return found


def _name_of(item: Mapping[str, Json], keys: tuple[str, ...] = ("name",)) -> tuple[str, ...]:
    return tuple(str(item[key]) for key in keys if item.get(key) is not None)


def _are(names: list[tuple[str, ...]], wanted: str) -> list[bool]:
    """Tell which items have the wanted name: as written, else in any case."""
    exact = [wanted in one for one in names]
    return exact if any(exact) else [_fold(wanted) in map(_fold, one) for one in names]


def _unknown(message: str, wanted: str, names: list[tuple[str, ...]]) -> ConfigurationError:
    """Make the error that suggests names like the wanted one, or lists the first names."""
    known: dict[str, str] = {}
    for several in names:
        for one in several:
            known.setdefault(_fold(one), one)
    folded = _fold(wanted)
    like = [one for one in known if folded in one] or closest(folded, known, 3)
    if like:
        hint = f"did you mean {' or '.join(repr(known[one]) for one in like[:3])}?"
    elif known:
        rest = len(known) - _SHOWN
        shown = ", ".join(list(known.values())[:_SHOWN])
        hint = f"there are {shown}" + (f" and {rest} more" if rest > 0 else "")
    else:
        hint = "there are none"
    return ConfigurationError(message, hint=hint)


def _shown(item: Mapping[str, Json]) -> str:
    return f"{item.get('name')!r} (id {item['id']})"


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())
