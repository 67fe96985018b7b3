"""One webhook on its way, and its attempts: what tests look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.values.addresses import split_address
from amocrm.sandbox.webhooks.schedule import Repeats, is_good

Kind: TypeAlias = 'Literal["account", "pipeline", "pipeline_widget", "bot", "chat", "uninstall"]'
State: TypeAlias = 'Literal["waiting", "delivered", "failed", "lost", "refused", "dropped"]'

USER_AGENT = "amoCRM-Webhooks/3.0"
"""Recorded from real accounts; the reference names none."""

FORM, JSON_TYPE = "application/x-www-form-urlencoded", "application/json"


@dataclass(frozen=True)
class Attempt:
    """One attempt.

    Attributes:
        at: Unix seconds of the sandbox's clock.
        status: of the answer; 0 without one.
        error: why there was no answer, "" if there was one.
        body: the beginning of the answer's body, without secrets.
    """

    at: float
    status: int
    error: str = ""
    body: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the sender is content: a status from 100 to 299."""
        return is_good(self.status)


@dataclass(eq=False)
class Delivery:
    """One webhook for one address.

    Attributes:
        number: in the order of the events, from 1.
        kind: who sends it.
        codes: subscription codes that it was sent for; for other kinds, what it is about.
        account: subdomain of the account.
        queued_at: Unix seconds of the event.
        attempts: what was tried so far.
        state: `waiting` for its next attempt; `delivered`; `failed` after its last attempt;
            `lost` by an injected fault, never sent; `refused`, as the address is not of this
            machine and no app is mounted for it; `dropped`, as the subscription is gone or off.
        due: Unix seconds of the next attempt, None if there is none.
        copy_of: the number of the delivery that it repeats, after an injected `duplicate` or
            `resend`.
        lost_answers: answers still to be lost by an injected fault.
        subscription: as the account keeps it, for account webhooks.
    """

    number: int
    kind: Kind
    codes: tuple[str, ...]
    account: str
    url: str
    body: bytes
    headers: Mapping[str, str]
    method: str = "POST"
    queued_at: float = 0.0
    repeats: Repeats = "once"
    limit: float = 2.0
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    state: State = "waiting"
    due: float | None = None
    copy_of: int | None = None
    lost_answers: int = 0
    subscription: Entity | None = None

    def __repr__(self) -> str:
        """Name the event and where it goes; the path may be secret."""
        parts = split_address(self.url)
        where = f"{parts.scheme}://{parts.hostname}"
        statuses = [one.status for one in self.attempts]
        codes = ", ".join(self.codes)
        return f"<Delivery {self.number}: {codes} to {where}, {self.state} {statuses}>"

    @property
    def code(self) -> str:
        """The first of the codes."""
        return self.codes[0]

    @property
    def is_form(self) -> bool:
        """Whether the body is a form."""
        return self.headers.get("Content-Type") == FORM

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form body, with their brackets."""
        return dict(parse_qsl(self.body.decode("ascii"), keep_blank_values=True))

    @property
    def statuses(self) -> list[int]:
        """The statuses of the attempts."""
        return [one.status for one in self.attempts]
