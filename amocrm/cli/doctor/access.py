"""The token and what the account allows: who calls, until when, the plan, the subscriptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from amocrm.auth.status import ConnectionStatus
from amocrm.auth.token import jwt_payload, known_id
from amocrm.cli.doctor.finding import DAY, Finding, day
from amocrm.cli.texts import tr
from amocrm.http.messages import Json
from amocrm.webhooks.addresses import shown_address

RENEW_DAYS: Final = 14
"""Days before the end of a token from which on the end is a warning."""

_NEEDED: Final = "crm"


class TokenClaims(NamedTuple):
    """What an access token says of itself.

    Attributes:
        user_id: who has granted it.
        issued_at: Unix seconds.
        expires_at: Unix seconds.
        scopes: what it may do; None if it does not say.
    """

    user_id: int | None = None
    issued_at: float | None = None
    expires_at: float | None = None
    scopes: tuple[str, ...] | None = None


def read_claims(access_token: str) -> TokenClaims:
    """Read what an access token says of itself; nothing of it is verified."""
    payload = jwt_payload(access_token)
    scopes, user = payload.get("scopes"), payload.get("sub")
    number = int(user) if isinstance(user, str) and user.isdecimal() and len(user) < 19 else user
    return TokenClaims(
        known_id(number),
        _seconds(payload.get("iat")),
        _seconds(payload.get("exp")),
        tuple(str(one) for one in scopes) if isinstance(scopes, list) else None,
    )


def check_token(status: ConnectionStatus, claims: TokenClaims, now: float) -> Finding:
    """Tell what kind of token there is, since when and until when."""
    if status.freshness is None:
        return Finding(
            "token", "failed", tr("there is none", "его нет"), tr("amocrm login", "amocrm login")
        )
    age = [] if claims.issued_at is None else [tr("since ", "с ") + day(claims.issued_at)]
    who = [] if claims.user_id is None else [
        tr(f"of user {claims.user_id}", f"пользователя {claims.user_id}")]  # fmt: skip
    if status.refused is not None:
        return Finding(
            "token", "failed",
            tr("amoCRM refused to renew it", "amoCRM отказалась его обновить"),
            tr("give consent again: amocrm login", "дайте доступ снова: amocrm login"),
        )  # fmt: skip
    kind, end = tr("a pair", "пара"), status.refresh_expires_at
    advice = tr(
        "run amocrm keepalive, daily by cron", "запускайте amocrm keepalive ежедневно из cron"
    )
    if not status.renewable:
        kind, end = tr("long-lived", "долгосрочный"), status.expires_at or claims.expires_at
        advice = tr(
            "make a new long-lived token in amoCRM, then: amocrm login --token -",
            "создайте новый долгосрочный токен в amoCRM, затем: amocrm login --token -",
        )
    until = [] if end is None else [tr("until ", "до ") + day(end)]
    shown = ", ".join([kind, *who, *age, *until])
    if end is None or end - now >= RENEW_DAYS * DAY:
        return Finding("token", "ok", shown)
    return Finding("token", "failed" if end <= now else "warning", shown, advice)


def check_scopes(claims: TokenClaims) -> Finding:
    """Tell what the token may do."""
    if claims.scopes is None:
        return Finding("scopes", "skipped", tr("the token does not say", "в токене их нет"))
    shown = ", ".join(claims.scopes) or tr("none", "нет")
    if _NEEDED in claims.scopes:
        return Finding("scopes", "ok", shown)
    return Finding(
        "scopes", "failed", shown,
        tr("give the integration access to the account's data in amoCRM, then: amocrm login",
           "дайте интеграции доступ к данным аккаунта в amoCRM, затем: amocrm login"),
    )  # fmt: skip


def check_account(
    account: Mapping[str, Json], status: ConnectionStatus, wanted: int | None
) -> Finding:
    """Tell which account answers, and to whom.

    Args:
        account: as the API returns it.
        status: of the connection.
        wanted: id of the profile's account; None if it is not known.
    """
    number = account.get("id")
    user = account.get("current_user_id")
    shown = tr(f"{status.host}, id {number}, user {user}",
               f"{status.host}, id {number}, пользователь {user}")  # fmt: skip
    if wanted is not None and number != wanted:
        return Finding(
            "account", "failed", shown,
            tr(f"the profile is of account {wanted}: log in again",
               f"профиль от аккаунта {wanted}: войдите снова"),
        )  # fmt: skip
    if status.host != status.account:
        return Finding(
            "account", "warning", shown,
            tr(f"{status.account} was renamed: change the profile or AMOCRM_DOMAIN",
               f"{status.account} переименован: измените профиль или AMOCRM_DOMAIN"),
        )  # fmt: skip
    return Finding("account", "ok", shown)


def check_plan(account: Mapping[str, Json]) -> Finding:
    """Tell whether the plan of the account lets the API filter."""
    enabled = account.get("is_api_filter_enabled")
    if enabled is None:
        return Finding("plan", "skipped", tr("the account does not say", "аккаунт не сообщает"))
    if enabled:
        return Finding("plan", "ok", tr("filters work", "фильтры работают"))
    return Finding(
        "plan", "warning",
        tr("filters of leads, contacts, companies and customers do not work",
           "фильтры сделок, контактов, компаний и покупателей не работают"),
        tr("take a higher plan, or list everything and choose yourself",
           "перейдите на старший тариф или читайте всё и отбирайте сами"),
    )  # fmt: skip


def check_webhooks(subscriptions: Iterable[Mapping[str, Json]]) -> Finding:
    """Tell which subscriptions amoCRM has switched off."""
    listed = list(subscriptions)
    off = [shown_address(str(one["destination"])) for one in listed if one.get("disabled")]
    if not off:
        return Finding("webhooks", "ok", tr(f"{len(listed)} subscriptions, all on",
                                            f"подписок: {len(listed)}, все включены"))  # fmt: skip
    return Finding(
        "webhooks", "failed",
        tr(f"switched off: {_few(off)}", f"отключены: {_few(off)}"),
        tr("mend the receiver, then: amocrm webhooks ensure",
           "почините приёмник, затем: amocrm webhooks ensure"),
    )  # fmt: skip


def _few(texts: Sequence[str]) -> str:
    return ", ".join(texts[:5]) + (f" (+{len(texts) - 5})" if len(texts) > 5 else "")


def _seconds(value: Json) -> float | None:
    return float(value) if isinstance(value, (int, float)) and 0 < value < 1e11 else None
