"""Plans of an account: what it has paid for (reference 3.3, 4.11, 6.1)."""

from __future__ import annotations

from typing import Literal, TypeAlias

from amocrm.sandbox.data.state import Account

Plan: TypeAlias = 'Literal["basic", "advanced", "professional"]'

PLANS = ("basic", "advanced", "professional")


def apply_plan(account: Account, plan: Plan) -> None:
    """Give an account what a plan has.

    Lists and webhooks by API need the advanced plan (reference 4.11, 6.1). Assumed: so do customers
    and filters, and the professional plan has nothing more that the API shows.

    Raises:
        ValueError: there is no such plan.
    """
    if plan not in PLANS:
        raise ValueError(f"plan must be one of {', '.join(PLANS)}, not {plan!r}")
    has_all = plan != "basic"
    account.has_catalogs = account.has_webhooks = has_all
    account.settings["is_api_filter_enabled"] = has_all
    if not has_all:
        account.customers_mode, account.has_products = "unavailable", False
    elif account.customers_mode == "unavailable":
        account.customers_mode = "segments"


def offers(account: Account, path: str) -> bool:
    """Tell whether the plan of an account has what a path of the API is about."""
    parts = path.split("/")
    part = parts[3] if len(parts) > 3 else ""
    has = {"catalogs": account.has_catalogs, "webhooks": account.has_webhooks}
    return has.get(part, True)
