"""Reads the definitions of an account into a schema document: about twenty calls, no entity.

What is read is cut down at once to the members of `amocrm.sandbox.schema.members`. Users and
sources get numbers for names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, cast

from amocrm.api_limits import REQUESTS_PER_SECOND
from amocrm.errors import (
    BlockedError,
    ForbiddenError,
    NotFoundError,
    PaymentRequiredError,
    ReplyError,
)
from amocrm.http.error_mapping import unexpected_response
from amocrm.http.messages import Json
from amocrm.sandbox.engine.schema import Schema
from amocrm.sandbox.schema import members
from amocrm.sandbox.schema.document import SchemaError, read_schema
from amocrm.sandbox.schema.picking import picked

if TYPE_CHECKING:
    from amocrm.client import AmoCRM

__all__ = ["clone"]

_AT_ONCE: Final = 4
"""Calls under way: with a latency of 0.5 s these reach the seven calls that a second may have."""

_NOT_THERE: Final = 422
"""What lists of customers answer in the other mode of customers. Source: reference 4.18."""

_ACCOUNT_WITH: Final = (
    "datetime_settings", "is_api_filter_enabled", "task_types", "users_groups"
)  # fmt: skip

Document = dict[str, Json]


def clone(crm: AmoCRM) -> Document:
    """Return the definitions of an account, from which `Sandbox(schema=...)` makes a portal.

    It holds pipelines with their stages, loss reasons, groups and fields with their choices,
    lists, types of tasks, roles, groups of users, and the rights of users, with their ids. It holds
    no entity, and of people nothing but ids: users are called "User 1", "User 2". The same account
    gives the same document. What the token or the plan does not show is named in `unknown`.

    Args:
        crm: the client of the account; an administrator sees all of it.

    Raises:
        ReplyError: the account cannot be read.
        TransportError: it does not answer.
    """
    account = cast("Document", crm.account.get(with_=_ACCOUNT_WITH))
    reader = _Reader(crm)
    with ThreadPoolExecutor(_AT_ONCE, "amocrm-clone") as pool:
        reader.read(pool.map, _parts(crm, account))
        reader.read(pool.map, _lists(crm, reader.found.get("catalogs", ())))
    whole = {
        "version": members.VERSION,
        "account": {
            **picked(_settings(account), members.ACCOUNT),
            "zone": crm.connection.host.partition(".")[2],
        },
        "plan": picked(_plan(account, reader), members.PLAN),
        "rate": {"requests_per_second": REQUESTS_PER_SECOND},
        "unknown": sorted(reader.unknown),
        **_of_account(account),
        **reader.document(),
    }
    return _sound(whole)


class _Part:
    """One part of a document: its name, what lists it, the members that are taken."""

    def __init__(
        self,
        name: str,
        items: Callable[[], Iterable[Mapping[str, Json]]],
        schema: Schema,
        kind: str = "",
    ) -> None:
        self.name, self.items, self.schema, self.kind = name, items, schema, kind

    @property
    def shown(self) -> str:
        return f"{self.name}.{self.kind}" if self.kind else self.name


def _parts(crm: AmoCRM, account: Mapping[str, Json]) -> list[_Part]:
    listed: tuple[tuple[str, Callable[[], Iterable[object]], Schema], ...] = (
        ("pipelines", _pipelines(crm), members.PIPELINE),
        ("catalogs", crm.catalogs.list, members.CATALOG),
        ("loss_reasons", crm.leads.loss_reasons.list, members.LOSS_REASON),
        ("roles", crm.roles.list, members.ROLE),
        ("users", crm.users.list, members.USER),
        ("sources", crm.sources.list, members.SOURCE),
        ("webhooks", crm.webhooks.list, {}),  # Only whether the plan has them.
        ("products", lambda: [crm.catalogs.products.get()], {"is_enabled": "bool"}),
    )
    parts = [_Part(name, _plain(items), schema) for name, items, schema in listed]
    for kind in members.KINDS:
        parts += _fields(crm, kind)
    if account.get("customers_mode") == "periodicity":
        statuses = _plain(crm.customers.statuses.list)
        parts.append(_Part("customer_statuses", statuses, members.CUSTOMER_STATUS))
    return parts


def _lists(crm: AmoCRM, catalogs: Iterable[Mapping[str, Json]]) -> list[_Part]:
    return [part for one in catalogs for part in _fields(crm, f"catalogs/{one['id']}")]


def _fields(crm: AmoCRM, kind: str) -> list[_Part]:
    at = f"/api/v4/{kind}/custom_fields"
    parts = [_Part("fields", lambda: crm.listing(at), members.FIELD, kind)]
    if kind != "customers/segments":  # They have no groups.
        groups = _Part("field_groups", lambda: crm.listing(f"{at}/groups"), members.GROUP, kind)
        parts.append(groups)
    return parts


def _pipelines(crm: AmoCRM) -> Callable[[], Iterable[Mapping[str, Json]]]:
    return lambda: [
        {**one, "statuses": one["_embedded"]["statuses"]} for one in crm.leads.pipelines.list()
    ]


def _plain(
    items: Callable[[], Iterable[object]],
) -> Callable[[], Iterable[Mapping[str, Json]]]:
    return cast("Callable[[], Iterable[Mapping[str, Json]]]", items)


class _Reader:
    """What was read of the parts, and which of them the account does not show."""

    def __init__(self, crm: AmoCRM) -> None:
        self._crm = crm
        self.found: dict[str, list[Document]] = {}
        self.unknown: dict[str, ReplyError] = {}

    def read(self, run: Callable[..., Iterable[object]], parts: list[_Part]) -> None:
        """Read parts side by side.

        Raises:
            ReplyError: one of them failed.
        """
        for _ in run(self._read, parts):
            pass

    def _read(self, part: _Part) -> None:
        try:
            items = [picked(one, part.schema) for one in part.items()]
        except (PaymentRequiredError, ForbiddenError, NotFoundError) as refusal:
            if isinstance(refusal, BlockedError):
                raise
            self.unknown[part.shown] = refusal
        except ReplyError as refusal:
            if refusal.status != _NOT_THERE:
                raise
            self.unknown[part.shown] = refusal
        else:
            self.found[part.shown] = sorted(items, key=_key)

    def document(self) -> Document:
        """Return the parts as members of a document."""
        whole: Document = {name: {} for name in members.BY_KIND}
        for shown, items in self.found.items():
            name, _, kind = shown.partition(".")
            if kind:
                whole[name][kind] = items
            elif name in members.LISTS:
                whole[name] = items
        for name, word in (("users", "User"), ("sources", "Source")):
            for place, one in enumerate(whole.get(name, ()), start=1):
                one["name"] = f"{word} {place}"
        return whole


def _key(item: Mapping[str, Json]) -> tuple[str, int, str]:
    number = item.get("id")
    return ("", number, "") if isinstance(number, int) else ("text", 0, str(number))


def _settings(account: Mapping[str, Json]) -> Document:
    return {**account, **_embedded(account)}


def _embedded(account: Mapping[str, Json]) -> Mapping[str, Json]:
    embedded = account.get("_embedded")
    return embedded if isinstance(embedded, Mapping) else {}


def _plan(account: Mapping[str, Json], reader: _Reader) -> Document:
    plan = dict(account)
    for name in ("catalogs", "webhooks"):
        if not isinstance(reader.unknown.get(name), ForbiddenError):
            plan[f"has_{name}"] = name in reader.found
    for settings in reader.found.get("products", ()):
        plan["has_products"] = settings.get("is_enabled", False)
    return plan


def _of_account(account: Mapping[str, Json]) -> Document:
    """Return the lists that the account itself embeds."""
    found: Document = {}
    for name in ("users_groups", "task_types"):
        items = _embedded(account).get(name)
        if isinstance(items, list):
            parts = [picked(one, members.LISTS[name]) for one in items if isinstance(one, Mapping)]
            found[name] = sorted(parts, key=_key)
    return found


def _sound(document: Document) -> Document:
    """Return a document in its one order, without references to what was deleted.

    Raises:
        UnexpectedReplyError: the account said what no account can be made of.
    """
    try:
        return cast("Document", _ordered(read_schema(document, drop_dangling=True)))
    except SchemaError as error:
        told = f"the account cannot be described: {error}"
        raise unexpected_response("GET", "/api/v4/account", told) from error


def _ordered(value: Json, name: str = "") -> Json:
    if isinstance(value, dict):
        return {key: _ordered(value[key], key) for key in sorted(value)}
    if not isinstance(value, list):
        return value
    items = [_ordered(one) for one in value]
    if name == "chained_lists":  # Their order is the chain.
        return items
    return sorted(items, key=_place) if items and isinstance(items[0], dict) else items


def _place(item: Mapping[str, Json]) -> tuple[int, int, int, str]:
    first, second, third = (
        next((item[name] for name in names if isinstance(item.get(name), int)), 0)
        for names in (("id", "pipeline_id"), ("status_id",), ("catalog_id",))
    )
    return first, second, third, str(item.get("id", ""))
