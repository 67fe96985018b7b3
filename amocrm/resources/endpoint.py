"""What an endpoint of the API accepts.

The shapes of what is sent and received are in `amocrm.schema`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple


class Endpoint(NamedTuple):
    """One resource of the API, as the reference's table has it (4.0).

    Attributes:
        path: below its owner's path.
        source: section of the reference.
        filters: names that `filter` takes, each with the name of its type, which says what it
            takes; see `amocrm.resources.filter_values`.
        withs: names that `with` takes.
        orders: names that `order` takes.
        query: it can be searched for words.
        text_id: its ids are texts, where others have numbers.
    """

    path: str
    source: str = ""
    filters: Mapping[str, str] = MappingProxyType({})
    withs: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    query: bool = False
    text_id: bool = False


def near(name: str, known: Iterable[str]) -> str:
    """Suggest the name that was probably meant, or tell them all.

    >>> near("update_at", ["created_at", "updated_at"])
    "did you mean 'updated_at'?"
    """
    names = list(known)
    close = closest(str(name), names)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"it takes {', '.join(names)}" if names else "it takes none"


def closest(text: str, known: Iterable[str], most: int = 1) -> list[str]:
    """Return the texts that are most like another one; none if nothing is like it."""
    # Importing it takes longer than the whole first call of a resource, and only errors need it.
    from difflib import get_close_matches

    return get_close_matches(text, list(known), n=most)
