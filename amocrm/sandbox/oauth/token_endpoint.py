"""Tokens, codes and the consent page of the sandbox."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode

from amocrm.sandbox.data.state import Account
from amocrm.sandbox.http.answer import Answer, Json, is_object, json_answer
from amocrm.sandbox.http.problem import GrantRefusedError, ProblemError, unauthorized
from amocrm.sandbox.http.request import IncomingRequest, parse_json
from amocrm.sandbox.oauth.tokens import Integration, Refresh, TokenRegistry

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def exchange(
    request: IncomingRequest, account: Account, tokens: TokenRegistry, now: float
) -> Answer:
    """Answer `POST /oauth2/access_token` (reference 2.5).

    Raises:
        GrantRefusedError: one of the errors of reference 2.7.
    """
    form = _Form(request, account.zone)
    kind = form.text("grant_type")
    if kind not in ("authorization_code", "refresh_token"):
        raise form.refuse("Check the `grant_type` parameter")
    integration = _authenticate(form, tokens)
    if kind == "authorization_code":
        pair = _by_code(form, integration, account, tokens, now)
    else:
        pair = _by_refresh(form, integration, account, tokens, now)
    return json_answer(granted(pair, tokens, now), kind="application/json")


def granted(pair: tuple[str, str], tokens: TokenRegistry, now: float) -> dict[str, Json]:
    """Return the body that hands over a pair (reference 2.5)."""
    return {
        "token_type": "Bearer",
        "expires_in": int(tokens.access_seconds),
        "server_time": int(now),
        "access_token": pair[0],
        "refresh_token": pair[1],
    }


def grant_kind(request: IncomingRequest) -> str:
    """Return `code` or `refresh`, for the counters."""
    return (
        "code" if _Form(request, "").data.get("grant_type") == "authorization_code" else "refresh"
    )


def whereabouts(account: Account) -> Answer:
    """Return where an account lives now (reference 1.1)."""
    body = {
        "id": account.id,
        "subdomain": account.subdomain,
        "domain": account.host,
        "top_level_domain": account.zone.rpartition(".")[2],
    }
    return json_answer(body, kind="application/json")


def lookup_by_refresh(request: IncomingRequest, tokens: TokenRegistry, now: float) -> int:
    """Return the account id of an active refresh token, without exchanging it (reference 1.1).

    Raises:
        ProblemError: 401, the token is not active.
    """
    one = tokens.active_refresh(request.headers.get("X-Refresh-Token", ""), now)
    if one is None:
        raise unauthorized()
    return one.grant.account_id


def consent_redirect(
    integration: Integration, state: str | None, *, code: str | None, account: Account | None
) -> str:
    """Return the address the browser is sent to: with a code, or refused (reference 2.3)."""
    params: dict[str, str] = {}
    if code is not None and account is not None:
        params = {"code": code, "referer": account.host, "platform": account.platform}
    else:
        params = {"error": "access_denied"}
    if state is not None:
        params["state"] = state
    params["client_id"] = integration.client_id
    glue = "&" if "?" in integration.redirect_uri else "?"
    return integration.redirect_uri + glue + urlencode(params)


def widget_call(integration: Integration, code: str, account: Account) -> str:
    """Return the address that is called when a widget is installed (reference 2.3).

    It carries no state. That the flag's value is `1` is assumed: the reference names none.
    """
    params = {
        "code": code,
        "referer": account.host,
        "platform": account.platform,
        "from_widget": "1",
    }
    glue = "&" if "?" in integration.redirect_uri else "?"
    return integration.redirect_uri + glue + urlencode(params)


class _Form:
    """The fields of a grant, from JSON or from a form; both work (reference 2.5)."""

    def __init__(self, request: IncomingRequest, zone: str) -> None:
        self.zone = zone
        self.data = _grant_fields(request)

    def text(self, name: str) -> str:
        value = self.data.get(name)
        return value if isinstance(value, str) else ""

    def need(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise self.refuse(f"Check the `{name}` parameter")
        return value

    def refuse(self, hint: str | None, status: int = 400) -> GrantRefusedError:
        return GrantRefusedError(status, hint, zone=self.zone)


def _grant_fields(request: IncomingRequest) -> dict[str, Json]:
    if "json" in request.headers.get("Content-Type", ""):
        try:
            data = parse_json(request.body)
        except ProblemError:
            return {}
        return data if is_object(data) else {}
    return dict(parse_qsl(request.body.decode("utf-8", errors="replace")))


def _authenticate(form: _Form, tokens: TokenRegistry) -> Integration:
    client_id = form.need("client_id")
    integration = tokens.integrations.get(client_id)
    if integration is None and not _UUID.fullmatch(client_id):
        raise form.refuse("Check the `client_id` parameter")
    secret = form.need("client_secret")
    if integration is None or integration.client_secret != secret:
        raise form.refuse(None, 401)
    # Byte-equal to the setting of the integration (reference 2.5).
    if form.text("redirect_uri") != integration.redirect_uri:
        raise form.refuse("Redirect URI is not associated with client")
    return integration


def _by_code(
    form: _Form, integration: Integration, account: Account, tokens: TokenRegistry, now: float
) -> tuple[str, str]:
    one = tokens.codes.get(form.need("code"))
    # Assumed (reference 2.7): a code of another integration reads like garbage.
    if one is None or one.grant.client_id != integration.client_id:
        raise form.refuse("Cannot decrypt the authorization code")
    if one.grant.account_id != account.id:
        raise form.refuse("Invalid account")
    if one.is_used:
        raise form.refuse("Authorization code has been revoked")
    if now >= one.expires:
        raise form.refuse("Authorization code has expired")
    one.is_used = True
    return tokens.new_pair(one.grant, account, now)


def _by_refresh(
    form: _Form, integration: Integration, account: Account, tokens: TokenRegistry, now: float
) -> tuple[str, str]:
    one = _usable(form, tokens.refresh.get(form.need("refresh_token")), integration, account, now)
    tokens.mark_exchanged(one)
    return tokens.new_pair(one.grant, account, now, parent=one)


def _usable(
    form: _Form, one: Refresh | None, integration: Integration, account: Account, now: float
) -> Refresh:
    # Assumed (reference 2.7): garbage, foreign and expired refresh tokens are not documented; they
    # are refused with 401 like the revoked one, each with its own hint.
    if one is None or one.grant.client_id != integration.client_id:
        raise form.refuse("Cannot decrypt the refresh token", 401)
    if one.grant.account_id != account.id:
        raise form.refuse("Invalid account")
    if one.is_revoked:
        raise form.refuse("Token has been revoked", 401)
    if now >= one.expires:
        raise form.refuse("Token has expired", 401)
    return one
