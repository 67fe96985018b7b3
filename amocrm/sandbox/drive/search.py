"""Filters of the list of files (reference 7)."""

from __future__ import annotations

from collections.abc import Callable

from amocrm.sandbox.data.state import Account
from amocrm.sandbox.drive.periods import bounds
from amocrm.sandbox.drive.store import File
from amocrm.sandbox.engine.filters import texts
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.http.answer import Json, is_object
from amocrm.sandbox.http.problem import ProblemError

_UNITS = {"b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3}
"""Assumed (reference 7): the words of `filter[size][unit]`, and bytes without one."""


def select(account: Account, listing: ListingQuery, now: int) -> list[File]:
    """Return the files that a listing shows, the newest first (assumed).

    Raises:
        ProblemError: 400 for a unit, a moment or a preset that makes no sense.
    """
    given = listing.tree.get("filter")
    filters = given if is_object(given) else {}
    found = list(reversed(account.drive.files.values()))
    if "deleted" in filters:
        found = [one for one in found if one.deleted_at is not None]
    elif "deleted" not in listing.withs:
        found = [one for one in found if one.deleted_at is None]
    for name, wanted in filters.items():
        test = _TESTS.get(name)
        if test is not None:
            passes = test(wanted, account, now)
            found = [one for one in found if passes(one)]
    return found


_Test = Callable[[File], bool]


def _uuid(wanted: Json, account: Account, now: int) -> _Test:
    uuids = {one for text in texts(wanted) for one in text.split(",")}
    return lambda file: file.uuid in uuids


def _name(wanted: Json, account: Account, now: int) -> _Test:
    return lambda file: file.version.name in texts(wanted)


def _extensions(wanted: Json, account: Account, now: int) -> _Test:
    known = {one.lower() for one in texts(wanted)}
    return lambda file: file.version.extension in known


def _source(wanted: Json, account: Account, now: int) -> _Test:
    return lambda file: str(file.source_id) in texts(wanted)


def _term(wanted: Json, account: Account, now: int) -> _Test:
    term = str(wanted).casefold()

    def test(file: File) -> bool:
        names = [file.version.name]
        for tie in account.drive.attachments:
            if tie.file_uuid == file.uuid:
                owner = account.entities.get(tie.place, {}).get(tie.number, {})
                names.append(str(owner.get("name") or ""))
        return any(term in name.casefold() for name in names)

    return test


def _size(wanted: Json, account: Account, now: int) -> _Test:
    range_ = wanted if is_object(wanted) else {}
    unit = _UNITS.get(str(range_.get("unit", "b")).lower())
    if unit is None:
        raise ProblemError(400, "Invalid filter[size][unit]")
    low, high = _number(range_, "from", "size"), _number(range_, "to", "size")
    return lambda file: _within(len(file.version.content) / unit, low, high)


def _date(wanted: Json, account: Account, now: int) -> _Test:
    range_ = wanted if is_object(wanted) else {}
    kind = str(range_.get("type", "created_at"))
    if kind not in ("created_at", "updated_at"):
        raise ProblemError(400, "Invalid filter[date][type]")
    low, high = _number(range_, "from", "date"), _number(range_, "to", "date")
    if "date_preset" in range_:
        try:
            low, high = bounds(str(range_["date_preset"]), now)
        except ValueError:
            raise ProblemError(400, "Invalid filter[date][date_preset]") from None

    def test(file: File) -> bool:
        moment = file.first.created_at if kind == "created_at" else file.updated_at
        return _within(moment, low, high)

    return test


def _created_by(wanted: Json, account: Account, now: int) -> _Test:
    return lambda file: str(file.first.created_by["id"]) in texts(wanted)


def _updated_by(wanted: Json, account: Account, now: int) -> _Test:
    return lambda file: str(file.updated_by["id"]) in texts(wanted)


_TESTS: dict[str, Callable[[Json, Account, int], _Test]] = {
    "uuid": _uuid,
    "name": _name,
    "extensions": _extensions,
    "term": _term,
    "source_id": _source,
    "size": _size,
    "date": _date,
    "created_by": _created_by,
    "updated_by": _updated_by,
}


def _number(range_: dict[str, Json], name: str, of: str) -> float | None:
    if name not in range_:
        return None
    try:
        return float(range_[name])
    except (TypeError, ValueError):
        raise ProblemError(400, f"Invalid filter[{of}][{name}]") from None


def _within(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)
