"""What entities refer to, as rows: custom fields with their choices, stages, users."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.custom_fields.definitions import FieldDefinition, Schema

if TYPE_CHECKING:
    from amocrm.client import AmoCRM
    from amocrm.schema.users import User

FIELD_COLUMNS: Final = ("id", "name", "type", "code", "choices")
STAGE_COLUMNS: Final = ("pipeline_id", "pipeline", "stage_id", "stage", "kind")
USER_COLUMNS: Final = ("id", "name", "email", "active", "admin", "role", "group")

KINDS: Final = ("leads", "contacts", "companies", "customers", "customers/segments")
"""Kinds of entities that have custom fields; a list has them, too, as `catalogs/7`."""

_CATALOG: Final = re.compile(r"catalogs/[1-9][0-9]{0,17}")
_STAGE_KINDS: Final = {1: "unsorted", 142: "won", 143: "lost"}


def check_kind(kind: str) -> str:
    """Return a kind of entity that has custom fields.

    Raises:
        ConfigurationError: it has none.
    """
    if kind not in KINDS and not _CATALOG.fullmatch(kind):
        raise ConfigurationError(
            f"there are no custom fields of {kind[:60]!r}",
            hint=f"{', '.join(KINDS)}, catalogs/ID",
        )
    return kind


def definitions(crm: AmoCRM, kind: str) -> list[FieldDefinition]:
    """Read the custom fields of a kind of entity, in the order of their ids."""
    listed = crm.listing(f"/api/v4/{check_kind(kind)}/custom_fields")
    return sorted(Schema(listed), key=lambda field: field.id)


def field_rows(crm: AmoCRM, kind: str, *, as_text: bool = False) -> Iterator[dict[str, Json]]:
    """Return the custom fields of a kind of entity.

    Args:
        crm: the client of the account.
        kind: such as `leads` or `catalogs/7`.
        as_text: write the choices as one text, for tables.
    """
    for field in definitions(crm, kind):
        options = [option._asdict() for option in field.options]
        choices: Json = [{name: one for name, one in option.items() if one is not None}
                         for option in options]  # fmt: skip
        if as_text:
            choices = ", ".join(f"{option.value} ({option.id})" for option in field.options)
        yield {
            "id": field.id,
            "name": field.name,
            "type": field.type,
            "code": field.code,
            "choices": choices,
        }


def stage_rows(crm: AmoCRM) -> Iterator[dict[str, Json]]:
    """Return the stages of all pipelines, in the order in which amoCRM shows them."""
    for pipeline in sorted(crm.leads.pipelines.list(), key=lambda one: one["sort"]):
        for stage in sorted(pipeline["_embedded"]["statuses"], key=lambda one: one["sort"]):
            yield {
                "pipeline_id": pipeline["id"],
                "pipeline": pipeline["name"],
                "stage_id": stage["id"],
                "stage": stage["name"],
                # The ids of the last stages are the same in every pipeline; the type of the
                # first one says what it is.
                "kind": _STAGE_KINDS.get(stage["id"]) or _STAGE_KINDS.get(stage["type"]),
            }


def user_rows(crm: AmoCRM) -> Iterator[dict[str, Json]]:
    """Return the users. Requires admin rights."""
    return map(_user_row, crm.users.list(with_=["role", "group"]))


def _user_row(user: User) -> dict[str, Json]:
    rights, parts = user["rights"], user.get("_embedded", {})
    return {
        "id": user["id"],
        "name": user["name"],
        "email": user["email"],
        "active": rights.get("is_active"),
        "admin": rights.get("is_admin"),
        "role": next((role["name"] for role in parts.get("roles", ())), None),
        "group": next((group["name"] for group in parts.get("groups", ())), None),
    }
