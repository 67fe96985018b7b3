"""Widgets, and bots that wait for one. Source: reference 4.21, 9.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NoReturn

from amocrm._support.arguments import check_dict
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.lazy import ROOT
from amocrm.resources.resource import read_id
from amocrm.resources.verbs import Deletes, Gets, Lists

if TYPE_CHECKING:
    from amocrm.schema.widgets import Widget

_BOTS: Final = ("salesbot", "marketingbot")


class Widgets(
    Lists["Widget", NoReturn, NoReturn, NoReturn], Gets["Widget", NoReturn], Deletes,
    path="widgets", source="4.21", text_id=True,
):  # fmt: skip
    """Widgets, by their codes. Deleting one uninstalls it. Writing requires admin rights."""

    __slots__ = ()

    def install(self, code: str, settings: dict[str, Json]) -> Widget:
        """Install a widget, or change its settings: keys are those of `settings_template`.

        Raises:
            ValidationError: a setting is missing or wrong.
            NotFoundError: there is no such widget.
        """
        check_dict("settings", settings)
        widget: Widget = self._api.request.post(self._item(code), settings).data
        return widget

    def resume(
        self,
        bot: Literal["salesbot", "marketingbot"],
        bot_id: int | str,
        continue_id: int | str,
        data: dict[str, Json],
    ) -> None:
        """Let a bot go on that waits for a widget's answer.

        Args:
            bot: its kind.
            bot_id: the bot.
            continue_id: where it waits, from the `return_url` of its request.
            data: `{"data": {...}, "execute_handlers": [...]}`.
        """
        if bot not in _BOTS:
            raise ConfigurationError(f"bot must be one of {', '.join(_BOTS)}, not {bot!r}")
        check_dict("data", data)
        place = f"{read_id(bot_id, bot)}/continue/{read_id(continue_id, 'continue')}"
        self._api.request.post(f"{ROOT}/{bot}/{place}", data)
