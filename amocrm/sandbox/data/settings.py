"""Settings of an account: its currency and times, groups of users, types of tasks (reference 4.1).

Nobody can change them through the API.
"""

from __future__ import annotations

from amocrm.sandbox.data.state import Account, Entity

DATETIME = {
    "date_pattern": "d.m.Y H:i",
    "short_date_pattern": "d.m.Y",
    "short_time_pattern": "H:i",
    "date_format": "d.m.Y",
    "time_format": "H:i:s",
    "timezone": "Europe/Moscow",
    "timezone_offset": "+03:00",
}
"""Members of `datetime_settings`, as a new account has them."""


def add_settings(account: Account) -> None:
    """Give a new account the settings of its platform."""
    is_russian = account.zone.endswith(".ru")
    account.settings = {
        "country": "RU" if is_russian else "US",
        "currency": "RUB" if is_russian else "USD",
        "currency_symbol": "₽" if is_russian else "$",
        "is_unsorted_on": True,
        "is_loss_reason_enabled": True,
        "is_helpbot_enabled": False,
        "is_api_filter_enabled": True,
        "contact_name_display_order": 1,
        "datetime_settings": dict(DATETIME),
    }
    groups, types = account.shelf("users_groups"), account.shelf("task_types")
    groups[0] = {"id": 0, "name": "Отдел продаж", "uuid": None}
    kind: Entity = {"color": None, "icon_id": None}
    for number, name, code in ((1, "Связаться", "FOLLOW_UP"), (2, "Встреча", "MEETING")):
        types[number] = {"id": number, "name": name, **kind, "code": code}
