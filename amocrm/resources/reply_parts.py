"""Takes what a method returns out of a response, or says that the response has another shape."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager

from amocrm.bulk.pages import ShapeError
from amocrm.http.error_mapping import unexpected_response
from amocrm.http.messages import Json


def list_in(data: Json, *names: str, method: str, path: str) -> list[Json]:
    """Return the list of dicts that a response has below some names.

    Raises:
        UnexpectedReplyError: it has none.
    """
    found = data
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise unexpected_response(method, path, f"no list {'.'.join(names)}")
    return found


@contextmanager
def shapes_explained(method: str, path: str) -> Generator[None, None, None]:
    """Turn a ShapeError of a response into the error that users get.

    Raises:
        UnexpectedReplyError: the block found another shape than the documented one.
    """
    try:
        yield
    except ShapeError as odd:
        raise unexpected_response(method, path, str(odd)) from None
