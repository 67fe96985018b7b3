"""What the cells of exported and imported files are, by the member or the custom field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from amocrm.resources.custom_fields.definitions import FieldDefinition

CellType: TypeAlias = Literal["text", "integer", "number", "flag", "date", "time", "list", "json"]
"""What the cells of a column are: texts, numbers, True or False, ISO 8601 dates and times, lists of
texts; anything else is JSON."""

PREFIX: Final = "cf."
"""What a custom field's column begins with where a member has its name: `cf.name`."""

_TIMES: Final = ("next_date", "complete_till")
_PRICES: Final = ("price", "next_price", "ltv", "average_check")

_FIELD_TYPES: Final[Mapping[str, CellType]] = {
    **dict.fromkeys(("numeric", "monetary", "price"), "number"), "checkbox": "flag",
    **dict.fromkeys(("date", "birthday"), "date"), "date_time": "time",
    **dict.fromkeys(("multiselect", "multitext"), "list"),
    **dict.fromkeys(
        ("smart_address", "legal_entity", "items", "linked_entity", "payer", "supplier", "file",
         "chained_list"), "json",
    ),
}  # fmt: skip


def member_type(name: str, annotation: str) -> CellType:
    """Return the type of a member's cells.

    Args:
        name: of the member.
        annotation: its type, as `amocrm.schema` has it.
    """
    words = annotation.replace("|", " ").split()
    if name.endswith("_at") or name in _TIMES:
        return "time"
    if name in _PRICES or "float" in words:
        return "number"
    types: dict[str, CellType] = {"int": "integer", "bool": "flag", "str": "text"}
    return types.get(words[0], "json")


def field_type(field: FieldDefinition) -> CellType:
    """Return the type of a custom field's cells."""
    return _FIELD_TYPES.get(field.type, "text")
