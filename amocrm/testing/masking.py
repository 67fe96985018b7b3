"""Takes secrets and people out of what is recorded: a rule for each member, the same each time.

Texts are replaced unless their member is known to hold no person's data, so that what the API adds
tomorrow is masked, too. The same text is replaced alike in addresses, requests and answers, and in
every run, or a recorded request would not be found again. All phones become one phone, and so on:
a code for each of them could be turned back into the phone by trying them all.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from amocrm.http.messages import Json

NAME, TEXT = "Name", "Text"
PHONE, EMAIL = "+70000000000", "person@example.com"
PLACE: Final = "https://example.com/masked"
SECRET: Final = "masked"

_SECRETS: Final = {
    *("access_token", "refresh_token", "client_secret", "token", "disposable_token", "api_key"),
    *("password", "secret", "signature", "amojo_token", "upload_url", "download_link"),
}
_BY_KEY: Final = {
    **dict.fromkeys(("name", "first_name", "last_name", "middle_name", "display_name"), NAME),
    **dict.fromkeys(("phone", "phone_number", "callee", "caller"), PHONE),
    **dict.fromkeys(("email", "login"), EMAIL),
    **dict.fromkeys(("destination", "webhook_url", "hook_url"), PLACE),
}

_DEFINITIONS: Final = {
    *("pipelines", "statuses", "custom_fields", "custom_field_groups", "groups", "enums"),
    *("nested", "loss_reasons", "catalogs", "roles", "task_types", "users_groups", "currencies"),
    *("segments", "types"),
}
"""Kinds of things whose names are an account's settings, and no person's."""

_PLAIN: Final = {
    *("id", "uid", "uuid", "request_id", "client_id", "account_id", "user_id", "group_id"),
    *("type", "entity", "entity_type", "to_entity_type", "field_type", "note_type", "token_type"),
    *(
        "code",
        "entity_code",
        "enum_code",
        "field_code",
        "field_name",
        "origin_code",
        "service_code",
    ),
    *("add", "view", "edit", "delete", "export", "access", "level", "mode", "status", "category"),
    *("color", "sort", "order", "kind", "key", "version", "constraint", "search_in", "settings"),
    *("currency", "currency_symbol", "symbol", "country", "lang", "language", "customers_mode"),
    *("date_format", "date_pattern", "time_format", "short_date_pattern", "short_time_pattern"),
    *("timezone", "timezone_offset", "created_at", "updated_at", "creation_status", "grant_type"),
    *("subdomain", "domain", "base_domain", "api_domain", "top_level_domain"),
    *("title", "detail", "hint", "instance", "path", "with", "scopes", "trace_id"),
}
"""Members whose texts are codes, settings and ids."""

_CLAIMS: Final = (
    *("aud", "exp", "iat", "nbf", "sub", "scopes"),
    *("account_id", "base_domain", "api_domain"),
)
"""Members of an access token that are no secret: whose it is, and until when."""

_SEARCHES: Final = ("query", "term")
"""Members of a query by which people are looked for."""

_PHONE_TEXT: Final = re.compile(r"(?:\+\d|\b[78][ (-]{0,2}\d{3})[\d ().-]{5,18}\d\b")
_EMAIL_TEXT: Final = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")
_TOKEN_TEXT: Final = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*|def502[0-9a-f]{8,}")
_KEY_IN_PATH: Final = re.compile(r"(/sessions/upload/|/download/).+")
_OURS: Final = re.compile(r"(?:.+\.)?(?:amocrm\.(?:ru|com)|kommo\.com|localhost)|127\.0\.0\.1|::1")
_PATH_OF: Final = re.compile(r"^\w+://[^/]*|[?#].*$")
"""What is not the path of an address."""

_NUMBER: Final = re.compile(r"[\d,.:-]+")
_SHORT_NUMBER: Final = re.compile(r"-?\d{1,5}(?:[.,]\d{1,5})?|\d{1,2}:\d\d(?::\d\d)?")
"""A count, a sum, a time of day: no phone of a small town, no passport, no address of a host."""

_FEW_DIGITS: Final = 5
_LARGE: Final = 10**9
"""A number of a field from here on may be a phone or that of a tax payer."""

_CHOICES: Final = ("select", "multiselect", "radiobutton", "category")
_MOMENTS: Final = ("date", "date_time")
"""Types of fields: whose values are an account's settings; and Unix seconds."""

_PLACEHOLDERS: Final = (NAME, TEXT, PHONE, EMAIL, PLACE)
_CODE_PAIR: Final = ("code", "state")
"""Members of forms and queries that are secret there; `code` of a field is none."""


def mask_text(text: str) -> str:
    """Return a text without phones, e-mails and tokens.

    >>> mask_text("Call +7 (999) 123-45-67 or anna@example.org")
    'Call +70000000000 or person@example.com'
    """
    text = _TOKEN_TEXT.sub(SECRET, text)
    return _PHONE_TEXT.sub(PHONE, _EMAIL_TEXT.sub(EMAIL, text))


def mask_url(url: str) -> str:
    """Return an address without what is secret or personal; one that is not amoCRM's is replaced.

    >>> mask_url("https://a.amocrm.ru/api/v4/contacts?query=anna@example.org&limit=5")
    'https://a.amocrm.ru/api/v4/contacts?query=person%40example.com&limit=5'
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return PLACE
    if not _OURS.fullmatch(host):
        return PLACE
    path = quote(mask_text(unquote(_KEY_IN_PATH.sub(rf"\1{SECRET}", parts.path))), safe="/:@%")
    return urlunsplit(parts._replace(path=path, query=mask_form(parts.query)))


def mask_token(token: str) -> str:
    """Return an access token that opens nothing, and still says of which account it is."""
    try:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        kept = {name: claims[name] for name in _CLAIMS if name in claims}
    except (IndexError, ValueError, TypeError, RecursionError):
        return f"{SECRET}-access_token"
    parts = ({"typ": "JWT", "alg": "RS256"}, kept)
    encoded = (base64.urlsafe_b64encode(json.dumps(one).encode()).decode() for one in parts)
    return ".".join([*(one.rstrip("=") for one in encoded), SECRET])


def mask_form(form: str) -> str:
    """Return a query or a form without what is secret or personal.

    Numbers and the texts of known members stay.
    """
    pairs = parse_qsl(form, keep_blank_values=True)
    return urlencode([(name, _form_value(name, value)) for name, value in pairs]) if pairs else form


def _form_value(name: str, value: str) -> str:
    member = next((one for one in reversed(re.split(r"[\[\]]+", name)) if one), "")
    if member in _SECRETS or name in _CODE_PAIR:
        return f"{SECRET}-{member}"
    if value in _PLACEHOLDERS:
        return value
    is_search = member in _SEARCHES or "[custom_fields_values]" in name
    if is_search and sum(one.isdigit() for one in value) > _FEW_DIGITS:
        return PHONE
    if (masked := mask_text(value)) != value:
        return masked
    if member in _BY_KEY:
        return _BY_KEY[member]
    is_plain = not value or _NUMBER.fullmatch(value) is not None
    return value if is_plain or member in _PLAIN or name.startswith("order[") else TEXT


def mask_json(data: Json, kind: str = "") -> Json:
    """Return JSON without what is secret or personal.

    Args:
        data: what was sent or answered.
        kind: of the items, if they do not tell it: the last word of the path, such as `contacts`.
    """
    if isinstance(data, list):
        return [mask_json(one, kind) for one in data]
    if isinstance(data, dict):
        here = _kind_of(data) or kind
        return {name: _member(str(name), value, here) for name, value in data.items()}
    return _text(data)


def kind_of_path(path: str) -> str:
    """Return the last word of a path.

    >>> kind_of_path("/api/v4/leads/pipelines/11")
    'pipelines'
    """
    words = [one for one in path.split("/") if one and not one.isdigit()]
    return words[-1] if words else ""


def _kind_of(item: Mapping[str, Json]) -> str:
    """Return what an item is, by its own link."""
    links = item.get("_links")
    own = links.get("self") if isinstance(links, dict) else None
    href = own.get("href") if isinstance(own, dict) else None
    return kind_of_path(_PATH_OF.sub("", href)) if isinstance(href, str) else ""


def _member(name: str, value: Json, kind: str) -> Json:
    if value is None or isinstance(value, bool):
        return value
    if name == "access_token" and isinstance(value, str):
        return mask_token(value)
    if name in _SECRETS:
        return f"{SECRET}-{name}"
    if name == "custom_fields_values" and isinstance(value, list):
        return [_field(one) for one in value]
    if name in ("params", "metadata") or (name == "text" and not isinstance(value, str)):
        return _all(value)
    if isinstance(value, list):
        return [_member(name, one, kind) for one in value]
    if isinstance(value, dict):
        return mask_json(value, kind if name in ("_embedded", "_links") else name)
    is_definition = kind in _DEFINITIONS
    if name in _BY_KEY and not (name == "name" and is_definition):
        return _BY_KEY[name] if isinstance(value, str) or name == "phone" else value
    if not isinstance(value, str):
        return value
    if value.startswith(("http://", "https://")):
        return mask_url(value)
    if name in _PLAIN or (name in ("name", "value") and is_definition):
        return mask_text(value)
    return _text(value)


def _text(value: Json) -> Json:
    """Return what stands for a text of which nothing is known."""
    if not isinstance(value, str) or not value or _is_code(value):
        return value
    masked = mask_text(value)
    return masked if masked in (PHONE, EMAIL) else TEXT


def _is_code(value: str) -> bool:
    """Tell whether a text is a small number, a time or a flag."""
    return _SHORT_NUMBER.fullmatch(value) is not None


def _all(value: Json) -> Json:
    """Replace every text, whatever its member is: notes and forms hold anything."""
    if isinstance(value, list):
        return [_all(one) for one in value]
    if isinstance(value, dict):
        return {name: _BY_KEY[name] if one and name in _BY_KEY and not isinstance(one, dict)
                else _all(one) for name, one in value.items()}  # fmt: skip
    return _text(value)


def _field(item: Json) -> Json:
    """Mask the values of a custom field; the choices of a list stay."""
    if not isinstance(item, dict):
        return _all(item)
    code, kind = item.get("field_code"), item.get("field_type")
    values = item.get("values")
    masked = [_value(one, code, kind) for one in values] if isinstance(values, list) else values
    return {name: masked if name == "values" else _member(name, one, "custom_fields")
            for name, one in item.items()}  # fmt: skip


def _value(item: Json, code: Json, kind: Json) -> Json:
    if not isinstance(item, dict):
        return _all(item)
    value = item.get("value")
    shown: Json = value
    if value is None or isinstance(value, bool):
        pass
    elif code == "PHONE":
        shown = PHONE
    elif code == "EMAIL":
        shown = EMAIL
    elif kind == "birthday":
        shown = 0 if isinstance(value, (int, float)) else TEXT
    elif kind in _CHOICES:
        shown = value
    elif isinstance(value, (int, float)):
        shown = value if kind in _MOMENTS or abs(value) < _LARGE else 0
    else:
        shown = _all(value)
    return {name: shown if name == "value" else one if name in _PLAIN else _all(one)
            for name, one in item.items()}  # fmt: skip
