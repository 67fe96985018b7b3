"""Default data of a new account (reference 11, last paragraphs)."""

from __future__ import annotations

from amocrm.sandbox.data.settings import add_settings
from amocrm.sandbox.data.stages import renumber, system_stages
from amocrm.sandbox.data.state import Account, Entity, Ids, User
from amocrm.sandbox.http.answer import Json

ZONES = ("amocrm.ru", "amocrm.com", "kommo.com")
"""Domains of the platforms (reference 1); the first is the default."""

_RESOURCES = ("leads", "contacts", "companies", "customers", "segments")
"""Families with custom fields of their own; lists have them, too."""

_STAGES = (
    # Each with its name on amocrm.ru and elsewhere.
    ("Первичный контакт", "Initial contact", "#99ccff"),
    ("Переговоры", "Discussions", "#ffff99"),
    ("Принимают решение", "Decision making", "#ffcc66"),
    ("Согласование договора", "Contract discussion", "#ffcccc"),
)
_TRACKING = (
    "UTM_CONTENT",
    "UTM_MEDIUM",
    "UTM_CAMPAIGN",
    "UTM_SOURCE",
    "UTM_TERM",
    "UTM_REFERRER",
    "REFERRER",
    "GCLIENTID",
    "GCLID",
    "FBCLID",
)
_PHONE_KINDS = ("WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER")
_EMAIL_KINDS = ("WORK", "PRIV", "OTHER")
_OWN: dict[str, Entity] = {
    "catalogs": {
        "is_visible": True,
        "is_required": False,
        "settings": None,
        "nested": None,
        "search_in": None,
    },
    "segments": {},
}
"""Members of definitions that are not those of a card (reference 4.14)."""
_PREDEFINED: dict[str, tuple[tuple[str, str, str], ...]] = {
    # code, name, type. PHONE and EMAIL of contacts are documented, the rest is assumed
    # (reference 5.2, 11).
    "leads": tuple((code, code.lower(), "tracking_data") for code in _TRACKING),
    "contacts": (
        ("POSITION", "Должность", "text"),
        ("PHONE", "Телефон", "multitext"),
        ("EMAIL", "Email", "multitext"),
    ),
    "companies": (
        ("PHONE", "Телефон", "multitext"),
        ("EMAIL", "Email", "multitext"),
        ("WEB", "Web", "url"),
        ("ADDRESS", "Адрес", "textarea"),
    ),
}


def new_account(name: str, ids: Ids, now: int) -> Account:
    """Create an account; `name` is a subdomain or a full host such as `shop.kommo.com`.

    Raises:
        ValueError: the name is neither.
    """
    subdomain, _, zone = name.lower().partition(".")
    if not subdomain or zone not in ("", *ZONES):
        raise ValueError(f"{name!r} is no subdomain, and no host in {', '.join(ZONES)}")
    account = Account(ids.take("accounts"), subdomain, zone or ZONES[0], now)
    add_settings(account)
    for is_admin, user in ((True, "Ann"), (False, "Bob")):
        number = ids.take("users")
        account.users[number] = User(
            id=number,
            name=user,
            is_admin=is_admin,
            email=f"{user.lower()}@example.com",
            lang="ru" if account.zone.endswith(".ru") else "en",
        )
    for entity_type in _RESOURCES:
        account.entities[entity_type] = {}
        account.tags[entity_type] = {}
        open_fields(account, entity_type)
        for sort, (code, title, kind) in enumerate(_PREDEFINED.get(entity_type, ()), start=1):
            add_field(account, entity_type, _definition(code, title, kind, sort, entity_type), ids)
    _add_pipeline(account, ids)
    return account


def open_fields(account: Account, entity_type: str) -> None:
    """Give a resource custom fields, and the predefined groups of fields."""
    account.fields[entity_type] = {}
    shelf = account.shelf(f"groups/{entity_type}")
    # Assumed (reference 4.14): every card begins with `default`, that of leads has statistics, too.
    for sort, name in enumerate(
        ("default", "statistic") if entity_type == "leads" else ("default",)
    ):
        shelf[name] = {
            "id": name,
            "name": name.capitalize(),
            "is_predefined": True,
            "type": "custom_field_group",
            "entity_type": entity_type.partition("/")[0],
            "sort": sort,
        }


def add_field(account: Account, entity_type: str, wanted: Entity, ids: Ids) -> Entity:
    """Store a field definition with every member of reference 4.14; one with an id keeps it."""
    number, (kind, _, catalog) = wanted.get("id") or ids.take("fields"), entity_type.partition("/")
    base: Entity = {
        "id": number,
        "name": "",
        "type": "text",
        "account_id": account.id,
        "code": None,
        "sort": 500 + len(account.fields[entity_type]),
        "enums": None,
        "is_deletable": True,
        "is_predefined": False,
        "entity_type": kind,
        "tracking_callback": None,
        "remind": None,
        "chained_lists": None,
        "currency": None,
        **_OWN.get(kind, {"is_api_only": False, "group_id": None, "required_statuses": []}),
    }
    if kind == "leads":
        base["hidden_statuses"] = []
    if catalog:
        base["catalog_id"] = int(catalog)
    made = account.fields[entity_type][number] = {**base, **wanted}
    if made["enums"] is not None:
        made["enums"] = [numbered_enum(one, place, ids) for place, one in enumerate(made["enums"])]
    return made


def numbered_enum(wanted: Entity, place: int, ids: Ids) -> Entity:
    """Give an option its id; one that has an id keeps it."""
    number: Json = wanted.get("id") or ids.take("enums")
    sort = wanted.get("sort")
    return {
        "id": number,
        "value": wanted["value"],
        "sort": place if sort is None else sort,
        "code": wanted.get("code"),
    }


def _definition(code: str, title: str, kind: str, sort: int, entity_type: str) -> Entity:
    made: Entity = {"name": title, "type": kind, "code": code, "sort": sort}
    made |= {"is_predefined": entity_type != "leads", "is_deletable": False}
    if kind == "multitext":
        kinds = _PHONE_KINDS if code == "PHONE" else _EMAIL_KINDS
        # Standard multitext options have their code as value (reference 4.14).
        made["enums"] = [{"value": one, "code": one} for one in kinds]
    return made


def _add_pipeline(account: Account, ids: Ids) -> None:
    number = ids.take("pipelines")
    language = 0 if account.zone.endswith(".ru") else 1
    statuses = system_stages(account, number, ids)
    for place, (*names, color) in enumerate(_STAGES):
        stage = {"id": ids.take("statuses"), "name": names[language], "sort": place, "color": color}
        statuses.append({**statuses[0], **stage, "is_editable": True, "type": 0})
    renumber(statuses)
    account.pipelines[number] = {
        "id": number,
        "name": "Воронка" if language == 0 else "Pipeline",
        "sort": 1,
        "is_main": True,
        "is_unsorted_on": True,
        "is_archive": False,
        "account_id": account.id,
        "_embedded": {"statuses": statuses},
    }
