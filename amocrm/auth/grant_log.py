"""Writes one log line for each grant, so that a revoked token can be explained afterwards.

A fingerprint stands for each secret. The line that used a refresh token and the line that granted
it show the same twelve characters, in the log of any process.
"""

from __future__ import annotations

import logging
from typing import Final, NamedTuple

from amocrm.errors import printable

_log: Final = logging.getLogger("amocrm.grants")


class GrantLogEntry(NamedTuple):
    """The log entry of one grant.

    Attributes:
        kind: `code` or `refresh`.
        why: the reason for the request: `code`, `stale`, `due`, `expired`, `401`, `asked`.
        account: host of the account.
        outcome: `granted`, `adopted` (another process had stored a token), `refused` or `failed`.
        spent: fingerprint of the code or refresh token that was used.
        granted: fingerprint of the new refresh token; empty without one.
        tries: number of requests that were sent.
        seconds: duration of all of them.
        cause: the error message, without secrets.
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


def write(entry: GrantLogEntry) -> None:
    """Log an entry: INFO if there is a token now, WARNING otherwise.

    The fields are the attribute `grant` of the log record, for structured logs.
    """
    fields = entry._asdict()
    fields["seconds"] = round(entry.seconds, 3)
    text = " ".join([f"{key}={value}" for key, value in fields.items() if value not in ("", 0)])
    succeeded = entry.outcome in ("granted", "adopted")
    _log.log(
        logging.INFO if succeeded else logging.WARNING,
        "grant %s",
        printable(text),
        extra={"grant": fields},
    )
