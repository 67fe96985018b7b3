"""Links between entities. Source: reference 4.12."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Generic, NoReturn, TypedDict, TypeVar, cast

from amocrm.bulk.pages import find_list
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.item_checks import as_list, check_closed_sets
from amocrm.resources.reply_parts import shapes_explained
from amocrm.resources.resource import Resource
from amocrm.resources.verbs import Lists

if TYPE_CHECKING:
    from amocrm.resources.filter_values import Id
    from amocrm.schema.enums import LinkedType
    from amocrm.schema.links import Link, LinkOf, NewLink, NewLinkOf

N = TypeVar("N")


class ItemLinkFilter(TypedDict, total=False):
    """What links of one entity can be filtered by; id and type of the other end go together."""

    to_entity_id: Id
    to_entity_type: LinkedType
    to_catalog_id: Id


class LinkFilter(ItemLinkFilter, total=False):
    """What links of a kind of entity can be filtered by; `entity_id` is required."""

    entity_id: Id | Iterable[Id]


def _check_ends(asked: Mapping[str, Json]) -> None:
    if ("to_entity_id" in asked) != ("to_entity_type" in asked):
        raise ConfigurationError(
            "filters 'to_entity_id' and 'to_entity_type' of links need each other"
        )


class _Linking(Resource, Generic[N]):
    """What can be done with links; N is a new one."""

    __slots__ = ()

    def link(self, links: N | Iterable[N]) -> list[LinkOf]:
        """Make a link, or several: `{"to_entity_id": 31, "to_entity_type": "contacts"}`.

        An empty list sends nothing.
        """
        items = self._read(links)
        if not items:
            return []
        path = self._path.removesuffix("s")
        data = self._api.request.post(path, items).data
        with shapes_explained("POST", path):
            return cast("list[LinkOf]", find_list(data, self._path))

    def unlink(self, links: N | Iterable[N]) -> None:
        """Remove a link, or several; an empty list sends nothing."""
        items = self._read(links)
        if items:
            self._api.request.post(f"{self._path.removesuffix('links')}unlink", items)

    def _read(self, links: N | Iterable[N]) -> list[Json]:
        """Return links in a list, checked."""
        items = as_list(links, "links")
        for one in items:
            check_closed_sets(
                one, {"to_entity_type": "LinkedType"}, self._where, lenient=self._api.lenient
            )
            for name in ("to_entity_id", "to_entity_type"):
                if one.get(name) is None and not self._api.lenient:
                    raise ConfigurationError(f"{self._where}: a link needs {name!r}")
        return items


class ItemLinks(
    Lists["Link", ItemLinkFilter, NoReturn, NoReturn], _Linking["NewLink"],
    path="links", source="4.12",
):  # fmt: skip
    """What one entity is linked to."""

    __slots__ = ()

    def _check_filter(self, asked: Mapping[str, Json]) -> None:
        _check_ends(asked)


class Links(
    Lists["LinkOf", LinkFilter, NoReturn, NoReturn], _Linking["NewLinkOf"],
    path="links", source="4.12",
):  # fmt: skip
    """What entities of a kind are linked to; each link names its `entity_id`."""

    __slots__ = ()

    def _check_filter(self, asked: Mapping[str, Json]) -> None:
        if "entity_id" not in asked:
            raise ConfigurationError(
                f"{self._where} needs 'entity_id' in its filter",
                hint='such as {"entity_id": [7001, 7002]}',
            )
        _check_ends(asked)
