"""Where in the API something is: the client at its root, a family, one item of a family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from amocrm.commons import Commons
    from amocrm.way import Way

ROOT: Final = "/api/v4"
"""Path of the API on an account's host. Source: reference 3.1."""


class Place:
    """Where families are mounted: the client, a family, one item of a family."""

    __slots__ = ()

    _way: Way
    _path: str
    _commons: Commons
