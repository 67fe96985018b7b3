"""Members of a schema document, version 1: the definitions of an account, and nothing else of it.

What is not in these tables has no place in a document, so that no data of people gets into one:
who reads an account takes these members only, and whoever loads a document refuses any other.
The members are those of the API (reference 4.1, 4.5, 4.6, 4.9, 4.14, 4.18, 4.19, 4.24, 5.9), less
`account_id`, links, authors and times.
"""

from __future__ import annotations

from typing import Final

from amocrm.sandbox.data.settings import DATETIME
from amocrm.sandbox.engine.schema import Prop, Schema

VERSION: Final = 1
"""Of the documents that this release writes and reads."""

KINDS: Final = ("leads", "contacts", "companies", "customers", "customers/segments")
"""What has custom fields; a list has them, too, as `catalogs/7`."""

_ID = Prop("int", required=True, low=1, high=2**53)
_OTHER_ID = Prop("int", low=1, high=2**53)
_ID_OR_NULL = Prop("int", null=True, low=0, high=2**53)
_SORT = Prop("int", low=-(2**53), high=2**53)
_TEXT = Prop("string", required=True, longest=10_000)
_CODE = Prop("string", null=True, longest=1_000)
_NAMED: Schema = {"id": _ID, "name": _TEXT, "sort": _SORT}

ACCOUNT: Final[Schema] = {
    "id": _OTHER_ID,
    "zone": Prop("string", required=True, choices=("amocrm.ru", "amocrm.com", "kommo.com")),
    "country": _CODE,
    "currency": _CODE,
    "currency_symbol": _CODE,
    "is_unsorted_on": "bool",
    "is_loss_reason_enabled": "bool",
    "is_helpbot_enabled": "bool",
    "contact_name_display_order": "int",
    "datetime_settings": Prop("object", inner=dict.fromkeys(DATETIME, _CODE)),
}
"""Settings of the account; without an id it gets a new one."""

PLAN: Final[Schema] = {
    "customers_mode": Prop(
        "string", choices=("unavailable", "disabled", "segments", "periodicity", "dynamic")
    ),
    "has_catalogs": "bool",
    "has_products": "bool",
    "has_webhooks": "bool",
    "is_api_filter_enabled": "bool",
}
"""What the account has paid for and switched on."""

RATE: Final[Schema] = {"requests_per_second": Prop("int", required=True, low=1, high=10_000)}

USERS_GROUP: Final[Schema] = {"id": Prop("int", required=True, low=0, high=2**53), "name": _TEXT}

TASK_TYPE: Final[Schema] = {
    "id": _ID, "name": _TEXT, "color": _CODE, "icon_id": _ID_OR_NULL, "code": _CODE
}  # fmt: skip

STATUS: Final[Schema] = {
    **_NAMED, "color": _CODE, "type": Prop("int", required=True, choices=(0, 1)),
    "is_editable": "bool",
}  # fmt: skip

PIPELINE: Final[Schema] = {
    **_NAMED, **dict.fromkeys(("is_main", "is_unsorted_on", "is_archive"), "bool!"),
    "statuses": Prop("array", required=True, inner=STATUS),
}  # fmt: skip

LOSS_REASON: Final[Schema] = _NAMED

CUSTOMER_STATUS: Final[Schema] = {
    **_NAMED, "color": _CODE, "type": Prop("int", choices=(0, 1, 2, 3, 4)), "is_default": "bool!"
}  # fmt: skip

CATALOG: Final[Schema] = {
    **_NAMED,
    "type": Prop("string", required=True, longest=100),
    **dict.fromkeys(
        ("can_add_elements", "can_show_in_cards", "can_link_multiple", "can_be_deleted"), "bool"
    ),
}

GROUP: Final[Schema] = {
    "id": Prop("string", required=True, filled=True, longest=1_000), "name": _TEXT, "sort": _SORT,
    "type": "string", "is_predefined": "bool!",
}  # fmt: skip

STAGE: Final[Schema] = {"pipeline_id": _ID, "status_id": _ID}
_STAGES = Prop("array", null=True, inner=STAGE)
ENUM: Final[Schema] = {"id": _ID, "value": _TEXT, "sort": _SORT, "code": _CODE}
NESTED: Final[Schema] = {"id": _ID, "parent_id": _ID_OR_NULL, "value": _TEXT, "sort": _SORT}
CHAINED: Final[Schema] = {"title": _CODE, "catalog_id": _ID, "parent_catalog_id": _ID_OR_NULL}

FIELD: Final[Schema] = {
    **_NAMED,
    "type": Prop("string", required=True, filled=True, longest=100),
    "code": _CODE,
    "group_id": _CODE,
    "currency": _CODE,
    "remind": _CODE,
    "search_in": _CODE,
    **dict.fromkeys(
        (
            *("is_api_only", "is_predefined", "is_deletable", "is_computed"),
            *("is_visible", "is_required"),
        ),
        "bool",
    ),
    "enums": Prop("array", null=True, inner=ENUM),
    "nested": Prop("array", null=True, inner=NESTED),
    "chained_lists": Prop("array", null=True, inner=CHAINED),
    "required_statuses": _STAGES,
    "hidden_statuses": _STAGES,
}

_LEVEL = Prop("string", choices=("A", "L", "G", "M", "D"))
_ACCESS = Prop("object", inner=dict.fromkeys(("view", "edit", "add", "delete", "export"), _LEVEL))
_OWN = Prop("object", required=True, inner=_ACCESS.inner)
ROLE_RIGHTS: Final[Schema] = {
    **dict.fromkeys(("leads", "contacts", "companies", "tasks"), _ACCESS),
    "mail_access": "bool",
    "catalog_access": "bool",
    "status_rights": Prop(
        "array", null=True, inner={"entity_type": "string!", **STAGE, "rights": _OWN}
    ),
    "catalog_rights": Prop("array", null=True, inner={"catalog_id": _ID, "rights": _OWN}),
}
USER_RIGHTS: Final[Schema] = {
    **ROLE_RIGHTS, **dict.fromkeys(("is_admin", "is_free", "is_active"), "bool"),
    "group_id": _ID_OR_NULL, "role_id": _ID_OR_NULL,
}  # fmt: skip

ROLE: Final[Schema] = {
    "id": _ID, "name": _TEXT, "rights": Prop("object", required=True, inner=ROLE_RIGHTS)
}  # fmt: skip

USER: Final[Schema] = {
    "id": _ID, "name": _TEXT, "lang": Prop("string", longest=10),
    "rights": Prop("object", required=True, inner=USER_RIGHTS),
}  # fmt: skip

SOURCE: Final[Schema] = {
    "id": _ID, "name": _TEXT, "pipeline_id": _ID_OR_NULL, "default": "bool",
}  # fmt: skip

LISTS: Final[dict[str, Schema]] = {
    "users_groups": USERS_GROUP, "task_types": TASK_TYPE, "pipelines": PIPELINE,
    "loss_reasons": LOSS_REASON, "customer_statuses": CUSTOMER_STATUS, "catalogs": CATALOG,
    "roles": ROLE, "users": USER, "sources": SOURCE,
}  # fmt: skip
"""Lists of definitions, by the name of the list."""

BY_KIND: Final[dict[str, Schema]] = {"field_groups": GROUP, "fields": FIELD}
"""Lists of definitions that each kind of entity has, such as `fields` of `leads`."""

_PARTS: Final[Schema] = {
    **{name: Prop("array", inner=inner) for name, inner in LISTS.items()},
    **{name: Prop("object", each=Prop("array", inner=inner)) for name, inner in BY_KIND.items()},
}
DOCUMENT: Final[Schema] = {
    "version": "int!",
    "account": Prop("object", required=True, inner=ACCOUNT),
    "plan": Prop("object", inner=PLAN),
    "rate": Prop("object", inner=RATE),
    "unknown": Prop("array", each="string"),
    **_PARTS,
}
"""The whole document. A part that is left out is as in a new account."""
