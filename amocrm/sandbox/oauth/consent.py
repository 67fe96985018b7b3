"""The consent page `/oauth`: choose an account, agree or refuse (reference 2.2, 2.3).

`mode` is accepted and has no effect: the vendor's button script reads it to choose the window
that follows the redirect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from urllib.parse import parse_qsl, quote, urlsplit

from amocrm.sandbox.data.state import Account
from amocrm.sandbox.http.answer import Answer, html_answer
from amocrm.sandbox.oauth.tokens import Integration

_ADDRESS = "%:/?#[]@!$&'()*+,;=~"
"""What stays as it is in an address: it has been encoded already."""

_IN_NO_FRAME = ("Content-Security-Policy", "frame-ancestors 'none'")
"""Or a page of another site could lay its own buttons over these."""

_PAGE = """<!DOCTYPE html>
<html lang="ru"><head><meta charset="utf-8"><title>Доступ к аккаунту</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>Разрешить доступ?</h1>
<form method="post" action="/oauth">
<input type="hidden" name="client_id" value="{client_id}">{state}
<label>Аккаунт <select name="account">{options}</select></label>
<button type="submit" name="decision" value="agree">Разрешить</button>
<button type="submit" name="decision" value="deny">Отказаться</button>
</form></main></body></html>
"""


def consent_page(params: Mapping[str, str], accounts: list[Account]) -> Answer:
    """Return the form; a `state` that was not sent stays unsent."""
    options = "".join(
        f'<option value="{escape(one.subdomain)}">{escape(one.host)}</option>' for one in accounts
    )
    state = ""
    if "state" in params:
        state = f'<input type="hidden" name="state" value="{escape(params["state"])}">'
    page = _PAGE.format(client_id=escape(params["client_id"]), state=state, options=options)
    answer = html_answer(page)
    return replace(answer, headers=(*answer.headers, _IN_NO_FRAME))


def unknown_integration() -> Answer:
    """Say that `client_id` names no integration."""
    # Assumed (reference 12.1): what the real page shows is not documented.
    text = "<!DOCTYPE html><html><body><h1>Unknown client_id</h1></body></html>"
    return html_answer(text, status=400)


def redirect_to(location: str) -> Answer:
    """Send the browser away; what a header cannot carry is percent-encoded."""
    address = quote(location, safe=_ADDRESS)
    return Answer(302, (("Content-Type", "text/html; charset=utf-8"), ("Location", address)))


def query_of(url: str) -> dict[str, str]:
    """Return the query of an address."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def chosen_integration(
    params: Mapping[str, str], integrations: Mapping[str, Integration]
) -> Integration | None:
    """Return the integration that `client_id` names."""
    return integrations.get(params.get("client_id", ""))
