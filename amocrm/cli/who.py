"""Who is logged in: the account, the user, the token."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from amocrm.cli import loaded
from amocrm.cli.texts import tr
from amocrm.errors import ForbiddenError, NotAuthorizedError, NotFoundError

if TYPE_CHECKING:
    from amocrm.cli.session import Session
    from amocrm.cli.settings import CalledAccount
    from amocrm.client import AmoCRM
    from amocrm.http.messages import Json


def whoami(crm: AmoCRM, profile: str | None) -> dict[str, Json]:
    """Return who is logged in: two calls. The user's name needs an administrator's rights."""
    account = crm.account.get()
    found: dict[str, Json] = {
        "profile": profile,
        "account": crm.connection.host,
        "account_id": account["id"],
        "account_name": account["name"],
        "user_id": account["current_user_id"],
    }
    try:
        user = crm.users.get(account["current_user_id"])
    except (ForbiddenError, NotFoundError):
        return found
    found |= {"user": user["name"], "email": user["email"]}
    return {**found, "is_admin": user["rights"].get("is_admin", False)}


def status(crm: AmoCRM, target: CalledAccount) -> dict[str, Json]:
    """Return what is known of the token; sends nothing."""
    known = crm.connection.status()
    kind = "long-lived" if target.token or target.profile.long_lived else "pair"
    return {
        "profile": target.name,
        "account": known.host,
        "account_id": known.account_id or target.profile.account_id,
        "token": None if known.freshness is None else kind,
        "freshness": known.freshness,
        "expires_at": _moment(known.expires_at),
        "refresh_expires_at": _moment(known.refresh_expires_at),
        "refused": known.refused,
    }


def logout(session: Session, name: str | None) -> None:
    """Forget a profile: the one named, else the chosen one."""
    profiles = session.profiles()
    wanted = name or session.profile or profiles.current()
    if wanted is None:
        raise NotAuthorizedError("no account is chosen", hint="name one: amocrm logout NAME")
    loaded.logging_in.log_out(wanted, profiles)
    session.say(tr(f"Forgot {wanted!r}.", f"Профиль {wanted!r} удалён."))


def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")
