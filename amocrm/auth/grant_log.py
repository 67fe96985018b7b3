"""One line of log for each grant, so that a revoked token can be explained afterwards.

Secrets are named by their fingerprints: the line that spent a token and the line that was granted
it carry the same twelve characters, in whichever process's log they stand.
"""

from __future__ import annotations

import logging
from typing import Final, NamedTuple

from amocrm.auth.token_record import fingerprint
from amocrm.errors import printable

_log: Final = logging.getLogger("amocrm.grants")


class GrantLogEntry(NamedTuple):
    """What is to be told of one grant.

    Attributes:
        kind: `code` or `refresh`.
        why: what it was asked for: `code`, `stale`, `due`, `expired`, `401`, `asked`.
        account: host of the account.
        outcome: `granted`, `adopted` (somebody else had it already), `refused` or `failed`.
        spent: fingerprint of the code or refresh token that was spent.
        granted: fingerprint of the new refresh token; empty without one.
        tries: how often it was sent.
        seconds: how long all of it took.
        cause: what was wrong, without a secret.
    """

    kind: str
    why: str
    account: str
    outcome: str
    spent: str = ""
    granted: str = ""
    tries: int = 0
    seconds: float = 0.0
    cause: str = ""


def name(secret: str | None) -> str:
    """Return what a log may show of a secret."""
    return "" if secret is None else fingerprint(secret)


def write(note: GrantLogEntry) -> None:
    """Log a note: INFO when there is a token now, WARNING when there is none.

    Its parts are the attribute `grant` of the log's record, for structured logs.
    """
    parts = note._asdict()
    parts["seconds"] = round(note.seconds, 3)
    text = " ".join(f"{key}={value}" for key, value in parts.items() if value not in ("", 0))
    good = note.outcome in ("granted", "adopted")
    _log.log(
        logging.INFO if good else logging.WARNING,
        "grant %s",
        printable(text),
        extra={"grant": parts},
    )
