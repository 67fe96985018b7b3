"""Faults as switches, the rate limit, the clock, and where data comes from."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.faults.plan import KINDS
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.page.visit import Visit

if TYPE_CHECKING:
    from amocrm.sandbox.portal import Sandbox

_SECONDS = (0.1, 0.25, 1.0, 3.0, 10.0)
_CHANCES = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)

# What can be switched on: its setting, the choices, and the one that is offered first.
_REQUESTS = (
    ("latency", _SECONDS, 1.0),
    ("jitter", _SECONDS, 0.25),
    ("lost_after", _CHANCES, 0.1),
    ("too_many", _CHANCES, 1.0),
    ("forbidden", _CHANCES, 1.0),
    ("server_error", _CHANCES, 0.1),
)
_HOOKS = (
    ("lose", _CHANCES, 0.1),
    ("duplicate", _CHANCES, 0.1),
    ("reorder", _CHANCES, 0.1),
    ("delay", _CHANCES, 0.1),
)
_STEPS = (
    ("plus_minute", 60),
    ("plus_hour", 3600),
    ("plus_day", 86400),
    ("plus_quarter", 90 * 86400),
)


def faults(visit: Visit) -> dict[str, Json]:
    """Return what is switched on, and what could be."""
    portal = visit.portal
    requests, hooks = asdict(portal.faults), asdict(portal.webhooks.faults)
    return {
        "switches": [
            *(_switch(one, requests, "set_faults") for one in _REQUESTS),
            _unpaid(visit.account),
        ],
        "hook_switches": [_switch(one, hooks, "set_webhook_faults") for one in _HOOKS],
        "is_ill": is_ill(portal),
        "rps": portal.rate_limiter.rps or 0,
        "kinds": list(KINDS),
        "waiting": [
            f"{one.fault.name} · {one.method or '*'} {one.path or ''} · {one.times}"
            for one in portal.injected
        ],
    }


def data(visit: Visit) -> dict[str, Json]:
    """Return the time; everything else of the page is forms."""
    return {"time": visit.portal.clock.time(), "steps": _STEPS}


def is_ill(portal: Sandbox) -> bool:
    """Tell whether anything goes wrong, or will."""
    plans = (asdict(portal.faults), asdict(portal.webhooks.faults))
    chances = (
        value
        for plan in plans
        for name, value in plan.items()
        if name not in ("retry_after", "delay_seconds")
    )
    return bool(any(chances) or portal.injected or portal.webhooks.injected)


def _unpaid(account: Account) -> Entity:
    """Return the switch of an account whose bill is open: every request is answered 402."""
    return {
        "name": "unpaid",
        "parameter": "is_paid",
        "action": "configure_account",
        "parts": {"account": account.subdomain},
        "is_on": not account.is_paid,
        "turn_on": "false",
        "turn_off": "true",
        "choices": (),
    }


def _switch(
    one: tuple[str, tuple[float, ...], float], plan: dict[str, Json], action: str
) -> Entity:
    name, choices, first = one
    now = float(plan[name])
    is_time = choices is _SECONDS
    return {
        "name": name,
        "parameter": name,
        "action": action,
        "parts": {},
        "is_on": now > 0,
        "now": now,
        "is_time": is_time,
        "turn_on": first,
        "turn_off": "0",
        "choices": choices,
    }
