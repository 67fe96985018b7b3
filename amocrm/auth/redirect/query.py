"""Checks the query of a redirect from the consent page: a code, a refusal, or a forgery.

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
"""Parameters of the calls that amoCRM's servers make themselves, without a state."""


class Origin(enum.Enum):
    """Where a call without a state comes from."""

    AMOCRM = "amocrm"


FROM_AMOCRM: Final = Origin.AMOCRM
"""Instead of a state: amoCRM's servers made this call themselves, so there is none. Anybody can
make such a call; it belongs to no person's session."""

State: TypeAlias = str | Literal[Origin.AMOCRM] | None
"""The state that must come back with a redirect. None, for a session without one, fits no
redirect."""

LONGEST: Final = 8_192
"""Characters of a parameter, and of a raw query, that are read; a code has less than a thousand."""

_READ: Final = frozenset(
    {
        *("code", "state", "referer", "error", "from_widget", "from_exchange"),
        *("account_id", "client_uuid", "client_id", "signature"),
    }
)
"""Parameters that are read here."""


def read_query(
    query: object, forged: type[AmoCRMError] = StateMismatchError
) -> Mapping[str, object]:
    """Return the parameters of a call from outside.

    Args:
        query: the raw query, or a mapping, for example of a web framework.
        forged: the error for a query that only a stranger sends.

    Raises:
        ConfigurationError: it is neither a string nor a mapping.
        AmoCRMError: `forged`: it is too long, or repeats a parameter that is read here, of which
            each program might read another value.
    """
    if isinstance(query, str):
        if len(query) > LONGEST:
            raise forged(f"the query has more than {LONGEST} characters")
        pairs = parse_qsl(query.removeprefix("?"), keep_blank_values=True)
        names = [name for name, _ in pairs if name in _READ]
        repeated = len(names) != len(set(names))
        parameters: Mapping[str, object] = dict(pairs)
    elif isinstance(query, Mapping):
        parameters = query
        # The mappings of werkzeug, Django and Starlette have it.
        values: Callable[[str], list[object]] | None = getattr(query, "getlist", None)
        repeated = values is not None and any(
            len(values(name)) > 1 for name in _READ if name in query
        )
    else:
        raise ConfigurationError("the query must be a mapping of strings, or the raw query")
    if repeated:
        raise forged("the query has a parameter twice")
    return parameters


def _texts(query: Mapping[str, object]) -> dict[str, str]:
    """Return the parameters that are read here; each must be a string of limited length."""
    texts: dict[str, str] = {}
    for name in _READ:
        value = query.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise ConfigurationError(
                f"{name} in the query must be a string, not a value of type {type(value).__name__}",
                hint="pass a mapping of strings, or the raw query",
            )
        if len(value) > LONGEST:
            raise StateMismatchError(f"{name} in the redirect has more than {LONGEST} characters")
        texts[name] = value
    return texts


def same_state(given: str, expected: str) -> bool:
    """Compare states in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


class RedirectResult(NamedTuple):
    """The result of a consent: a code or an error.

    Attributes:
        code: the authorization code.
        error: why there is no code.
        host: host of the account that agreed, if it is in the redirect.
    """

    code: str | None = None
    error: AuthorizationError | None = None
    host: str | None = None

    def __repr__(self) -> str:
        return f"RedirectResult(error={self.error!r})"


def read_redirect(query: Mapping[str, object], state: str, account: str) -> RedirectResult:
    """Read the query of a redirect to a client of one account.

    Shape:
        code, referer, state, platform, client_id; or error=access_denied, state

    Args:
        query: the parameters.
        state: the state that must come back.
        account: host of the client's account.

    Raises:
        StateMismatchError: the redirect does not belong to this consent; wait for another one.

    Source: reference 2.3.
    """
    parameters = _texts(query)
    _check_state(parameters, state)
    result = _read_result(parameters)
    if result.host is not None and result.host != account:
        return RedirectResult(error=_wrong_account(result.host, account))
    return result._replace(host=None)


def read_install(query: Mapping[str, object], state: State) -> RedirectResult:
    """Read the query of a redirect that installs an integration in any account.

    Args:
        query: the parameters.
        state: the state that must come back; FROM_AMOCRM for amoCRM's own calls, which have none.

    Raises:
        StateMismatchError: the redirect does not belong to this state, or has no account of
            amoCRM.
        ConfigurationError: the state or a parameter is not a string.

    Source: reference 2.3.
    """
    if state is not None and not isinstance(state, (str, Origin)):
        raise ConfigurationError(f"the state must be a string, not a {type(state).__name__}")
    parameters = _texts(query)
    if isinstance(state, str) and state:
        _check_state(parameters, state)
    elif state is not FROM_AMOCRM or not any(flag in parameters for flag in STATELESS):
        raise StateMismatchError(
            "the redirect cannot be trusted: there is no state to compare it with",
            hint="store the state of consent_url(state) in the person's session and pass it: "
            "callback(query, state=...)",
        )
    result = _read_result(parameters)
    if result.error is None and result.host is None:
        raise StateMismatchError("the redirect does not name the account that agreed: no referer")
    return result


def _check_state(query: Mapping[str, str], state: str) -> None:
    if not same_state(query.get("state", ""), state):
        raise StateMismatchError(
            "the redirect has another state than this client has sent",
            hint="open the consent URL of this run of the program",
        )


def _read_result(query: Mapping[str, str]) -> RedirectResult:
    if error := query.get("error"):
        what = "access was refused" if error == "access_denied" else "consent failed"
        message = f"{what} on the consent page ({error[:40]!r})"
        return RedirectResult(error=AccessDeniedError(message))
    code, referer = query.get("code", ""), query.get("referer", "").lower()
    if code.split() != [code] or has_half_character(code):
        raise StateMismatchError("the redirect has no valid code")
    if referer and not is_account_host(referer):
        raise StateMismatchError(
            f"the redirect claims to come from {referer[:100]!r}, which is not an account of amoCRM"
        )
    return RedirectResult(code=code, host=referer or None)


def _wrong_account(referer: str, account: str) -> AuthorizationError:
    return AccessDeniedError(
        f"consent was given for {referer}, but this client is for {account}",
        hint=f"choose {account} on the consent page, or set domain to {referer!r}",
    )
