"""What comes back from the consent page: a redirect whose query says yes or no, or is a forgery.

Source: reference 2.3.
"""

from __future__ import annotations

import enum
import hmac
from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias
from urllib.parse import parse_qsl

from amocrm.errors import (
    AccessDeniedError,
    AmoCRMError,
    AuthorizationError,
    ConfigurationError,
    StateMismatchError,
)
from amocrm.http.hosts import is_account_host
from amocrm.http.query import has_half_character

STATELESS: Final = ("from_widget", "from_exchange")
"""Marks of the calls that amoCRM's servers make themselves, without a state."""


class Origin(enum.Enum):
    """Where a call comes from that carries no state."""

    AMOCRM = "amocrm"


FROM_AMOCRM: Final = Origin.AMOCRM
"""In the place of a state: amoCRM's servers made this call themselves, so there is none. Anybody
can make such a call; it belongs to no person's session."""

State: TypeAlias = str | Literal[Origin.AMOCRM] | None
"""What must come back with a redirect; None, of a session that has none, fits no redirect."""


LONGEST: Final = 8_192
"""Characters of a parameter, and of a raw query, that are read; a code has less than a thousand."""

_READ: Final = frozenset(
    {
        *("code", "state", "referer", "error", "from_widget", "from_exchange"),
        *("account_id", "client_uuid", "client_id", "signature"),
    }
)


def read_query(
    query: object, forged: type[AmoCRMError] = StateMismatchError
) -> Mapping[str, object]:
    """Accept the parameters of a call that came in, or its raw query.

    Args:
        query: a mapping, that of a web framework as well; or the raw query.
        forged: raised for what nobody sends but a stranger.

    Raises:
        ConfigurationError: it is neither.
        AmoCRMError: `forged`: it is too long, or gives a parameter that is read here twice: then
            one program would read another value than the next.
    """
    if isinstance(query, str):
        if len(query) > LONGEST:
            raise forged(f"the query has more than {LONGEST} characters")
        pairs = parse_qsl(query.removeprefix("?"), keep_blank_values=True)
        names = [name for name, _ in pairs if name in _READ]
        twice = len(names) != len(set(names))
        read: Mapping[str, object] = dict(pairs)
    elif isinstance(query, Mapping):
        read = query
        # Of werkzeug, Django and Starlette.
        values: Callable[[str], list[object]] | None = getattr(query, "getlist", None)
        twice = values is not None and any(len(values(name)) > 1 for name in _READ if name in query)
    else:
        raise ConfigurationError("the query must be a mapping of strings, or the raw query")
    if twice:
        raise forged("the query gives a parameter twice")
    return read


def _texts(query: Mapping[str, object]) -> dict[str, str]:
    """Return the parameters that are read here, checked."""
    found: dict[str, str] = {}
    for name in _READ:
        value = query.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise ConfigurationError(
                f"the query's {name} is a value of type {type(value).__name__}, not a string",
                hint="give a mapping of strings, or the raw query",
            )
        if len(value) > LONGEST:
            raise StateMismatchError(f"the redirect's {name} cannot be read")
        found[name] = value
    return found


def same_state(given: str, expected: str) -> bool:
    """Compare states in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


class Answered(NamedTuple):
    """A redirect that answers our question: with a code, or with an error.

    Attributes:
        code: the authorization code.
        error: why there is none.
        host: the account that agreed, where the redirect says it.
    """

    code: str | None = None
    error: AuthorizationError | None = None
    host: str | None = None

    def __repr__(self) -> str:
        return f"Answered(error={self.error!r})"


def read_redirect(query: Mapping[str, object], state: str, account: str) -> Answered:
    """Read the query that amoCRM sends back with the person.

    Shape:
        code, referer, state, platform, client_id; or error=access_denied, state

    Args:
        query: its parameters.
        state: what must come back.
        account: host of the account that this client is for.

    Raises:
        StateMismatchError: it does not answer our question; keep waiting for one that does.

    Source: reference 2.3.
    """
    known = _texts(query)
    _check_state(known, state)
    answered = _read_answer(known)
    if answered.host is not None and answered.host != account:
        return Answered(error=_wrong_account(answered.host, account))
    return answered._replace(host=None)


def read_install(query: Mapping[str, object], state: State) -> Answered:
    """Read the query that installs an integration in whichever account agreed.

    Args:
        query: its parameters.
        state: what must come back; FROM_AMOCRM for amoCRM's own calls, which carry none.

    Raises:
        StateMismatchError: it answers no question of ours, or names no account of amoCRM.
        ConfigurationError: the state or a parameter is no string.

    Source: reference 2.3.
    """
    if state is not None and not isinstance(state, (str, Origin)):
        raise ConfigurationError(f"the state must be a string, not a {type(state).__name__}")
    known = _texts(query)
    if isinstance(state, str) and state:
        _check_state(known, state)
    elif state is not FROM_AMOCRM or not any(flag in known for flag in STATELESS):
        raise StateMismatchError(
            "the redirect cannot be trusted: there is no state to compare it with",
            hint="keep the state of consent_url(state) in the person's session, and pass it on: "
            "callback(query, state=...)",
        )
    answered = _read_answer(known)
    if answered.error is None and answered.host is None:
        raise StateMismatchError("the redirect does not say which account agreed: no referer")
    return answered


def _check_state(query: Mapping[str, str], state: str) -> None:
    if not same_state(query.get("state", ""), state):
        raise StateMismatchError(
            "the redirect carries another state than this client sent",
            hint="open the consent address of this very run",
        )


def _read_answer(query: Mapping[str, str]) -> Answered:
    if error := query.get("error"):
        what = "access was refused" if error == "access_denied" else "consent failed"
        return Answered(error=AccessDeniedError(f"{what} on the consent page ({error[:40]!r})"))
    code, referer = query.get("code", ""), query.get("referer", "").lower()
    if code.split() != [code] or has_half_character(code):
        raise StateMismatchError("the redirect carries no code")
    if referer and not is_account_host(referer):
        raise StateMismatchError(
            f"the redirect claims to come from {referer[:100]!r}, which is no account of amoCRM"
        )
    return Answered(code=code, host=referer or None)


def _wrong_account(referer: str, account: str) -> AuthorizationError:
    return AccessDeniedError(
        f"consent was given for {referer}, but this client is for {account}",
        hint=f"choose {account} on the consent page, or set domain to {referer!r}",
    )
