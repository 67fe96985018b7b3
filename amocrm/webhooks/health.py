"""Tells whether webhooks arrive and are handled. Source: reference 4.20, 6.1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from amocrm._support.clock import Clock, SystemClock
from amocrm.errors import AmoCRMError
from amocrm.webhooks.addresses import shown_address
from amocrm.webhooks.inbox.inbox import Inbox

if TYPE_CHECKING:
    from amocrm.client import AmoCRM
    from amocrm.schema.webhooks import Webhook


class AccountHealth(NamedTuple):
    """The webhooks of one account.

    Attributes:
        account_id: of the account; None if it could not be asked, and is not known.
        silent_for: seconds since its last delivery; None if none has come.
        disabled: subscriptions that amoCRM has switched off, as hosts and paths without secrets;
            `ensure` switches the receiver's own on again.
        subscriptions: how many there are; None if the account could not be asked.
        host: of the account.
        error: why it could not be asked, such as a revoked grant; "" if it could.
    """

    account_id: int | None
    silent_for: float | None
    disabled: tuple[str, ...]
    subscriptions: int | None
    host: str
    error: str = ""


class Health(NamedTuple):
    """The state of an inbox and of accounts.

    Attributes:
        undone: events that are not handled yet.
        dead: events whose handler failed too often; see `inbox.dead()` and `inbox.replay()`.
        waiting_for: seconds since the oldest undone event arrived; 0 if there is none.
        accounts: of the given clients.
    """

    undone: int
    dead: int
    waiting_for: float
    accounts: tuple[AccountHealth, ...]

    def problems(self, *, waiting: float = 300.0, silent: float | None = None) -> list[str]:
        """Return what needs a person, a sentence each; empty if all is well.

        Args:
            waiting: seconds that an event may wait for its handler.
            silent: seconds without a delivery that an account may have; None for any number.
        """
        found: list[str] = []
        if self.waiting_for > waiting:
            found.append(
                f"{self.undone} events are not handled, the oldest one for {self.waiting_for:.0f} "
                "s: is a worker running?"
            )
        if self.dead:
            found.append(f"{self.dead} events are dead: see inbox.dead(), mend, inbox.replay()")
        for account in self.accounts:
            name = f"account {account.account_id or account.host}"
            if account.error:
                found.append(f"{name} cannot be asked: {account.error}")
            if account.subscriptions == 0:
                found.append(f"{name}: no address is subscribed to its webhooks")
            for place in account.disabled:
                found.append(f"{name}: the subscription of {place} is switched off")
            if silent is not None and (account.silent_for is None or account.silent_for > silent):
                age = "ever" if account.silent_for is None else f"for {account.silent_for:.0f} s"
                found.append(f"{name}: no webhook has come {age}")
        return found


def health(inbox: Inbox, clients: Iterable[AmoCRM] = (), *, clock: Clock | None = None) -> Health:
    """Return the state of an inbox, and of the subscriptions of some accounts.

    Args:
        inbox: where webhooks are received.
        clients: of the accounts to look at; each takes two calls and needs admin rights.
        clock: for tests.

    Raises:
        InboxError: the inbox cannot be read.
    """
    now = (clock or SystemClock()).time()
    counts, last = inbox.counts(), inbox.last_received()
    accounts = [_account(crm, last, now) for crm in clients]
    oldest = counts.oldest_undone
    waiting = 0.0 if oldest is None else max(0.0, now - oldest)
    return Health(counts.undone, counts.dead, waiting, tuple(accounts))


def _account(crm: AmoCRM, last: Mapping[int, float], now: float) -> AccountHealth:
    """Return the health of an account; one that cannot be asked hides no other one."""
    account_id, host, error = crm.connection.account_id, crm.connection.host, ""
    known: list[Webhook] | None = None
    try:
        account_id = crm.account.get()["id"]
        known = list(crm.webhooks.list())
    except AmoCRMError as problem:
        error = str(problem)
    since = None if account_id is None else last.get(account_id)
    silent_for = None if since is None else max(0.0, now - since)
    disabled = tuple(shown_address(one["destination"]) for one in known or () if one["disabled"])
    number = None if known is None else len(known)
    return AccountHealth(account_id, silent_for, disabled, number, host, error)
