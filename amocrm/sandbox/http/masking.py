"""What of a request must not be shown: tokens, codes and secrets."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode

SECRET = "(secret)"
SECRET_HEADERS = frozenset(
    {"x-refresh-token", "x-auth-token", "cookie", "set-cookie", "proxy-authorization"}
)
SECRET_NAMES = frozenset(
    {"code", "client_secret", "refresh_token", "access_token", "signature", "api_key", "token"}
)

_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*|def502[0-9a-f]{8,}")
"""A JWT, and what an authorization code and a refresh token look like (reference 2.8)."""

_MEMBER = re.compile(
    r'("(?:client_secret|refresh_token|access_token|signature|api_key|token|password)"\s*:\s*)'
    r'"(?:[^"\\]|\\.)*"?'
)
_PAIR = re.compile(
    r"((?:^|[?&])(?:code|client_secret|refresh_token|access_token|signature|api_key|token)=)[^&\s]*"
)


def mask_text(text: str) -> str:
    """Replace what is secret in a body of JSON, a form, or any other text.

    >>> mask_text('{"access_token": "abc", "code": "PHONE"}')
    '{"access_token": "(secret)", "code": "PHONE"}'
    >>> mask_text("grant_type=refresh_token&refresh_token=abc")
    'grant_type=refresh_token&refresh_token=(secret)'
    """
    text = _TOKEN.sub(SECRET, text)
    text = _MEMBER.sub(rf'\1"{SECRET}"', text)
    return _PAIR.sub(rf"\1{SECRET}", text)


def mask_headers(headers: list[tuple[str, str]]) -> dict[str, str]:
    """Return headers by their lower-case names; of an authorization its kind is left."""
    shown: dict[str, str] = {}
    for name, value in headers:
        name = name.lower()
        if name == "authorization":
            value = value.partition(" ")[0]
        shown[name] = SECRET if name in SECRET_HEADERS else value
    return shown


def mask_query(query: str) -> str:
    """Return a query with secret values blanked."""
    pairs = parse_qsl(query, keep_blank_values=True)
    if not any(name in SECRET_NAMES for name, _ in pairs):
        return query
    return urlencode([(name, "" if name in SECRET_NAMES else value) for name, value in pairs])
