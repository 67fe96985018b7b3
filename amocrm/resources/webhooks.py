"""Where the account sends its webhooks. Source: reference 4.20."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, TypedDict

from amocrm.resources.verbs import CreatesOne, Lists

if TYPE_CHECKING:
    from amocrm.resources.filter_values import Text
    from amocrm.schema.webhooks import NewWebhook, Webhook


class WebhookFilter(TypedDict, total=False):
    """What webhooks can be filtered by: the exact address."""

    destination: Text


class Webhooks(
    Lists["Webhook", WebhookFilter, NoReturn, NoReturn], CreatesOne["NewWebhook", "Webhook"],
    path="webhooks", source="4.20",
):  # fmt: skip
    """URLs that amoCRM sends webhooks to. Requires admin rights.

    Creating one for an address that has one replaces its `settings` and switches it on again.
    """

    __slots__ = ()

    def delete(self, destination: str) -> None:
        """Stop sending to an address.

        Raises:
            NotFoundError: nothing is sent there.
        """
        self._api.request.delete(self._path, {"destination": destination})
