"""Items that people know by their names.

Source: reference 4.5, 4.6, 4.9, 4.15, 4.18, 4.19, 4.24, 4.27, 4.31.
"""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar, cast

from amocrm.resources import lazy
from amocrm.resources.reply_parts import shapes_explained
from amocrm.resources.resource import Resource

E = TypeVar("E")


class HasNames(Resource, Generic[E]):
    """Items are looked up by their names; E is an item."""

    __slots__ = ()
    _arguments: ClassVar[tuple[str, ...]] = ("item",)
    _called: ClassVar[tuple[str, str]] = ("item", "items")
    """What messages call one of them, and several."""
    _names: ClassVar[tuple[str, ...]] = ("name",)
    """Members that may be the name."""

    def named(self, name: str) -> E:
        """Look an item up by its name: all are listed, and the result may be kept.

        Args:
            name: as it is shown, in any case.

        Raises:
            ConfigurationError: there is none, and names like it are suggested; or there are
                several, and the message lists them with their ids.
        """
        lazy.name_lookup.check_name(name, self._called[0])
        items = lazy.listing.Listing[dict[str, object]](self._api, self._path)
        with shapes_explained("GET", self._path):
            return cast("E", lazy.name_lookup.find_named(items, name, self._called, self._names))
