"""Continues bots that wait for the answer to a `widget_request`.

A bot waits forever until its `return_url` is called. Call `continue_bot` in a handler of the kind
`bot`: if it fails, the inbox calls the handler again until the answer has arrived.

Source: reference 9.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, TypedDict
from urllib.parse import urlsplit

from amocrm._support.arguments import check_dict, check_several
from amocrm.errors import ConfigurationError, NotFoundError, OutcomeUnknownError
from amocrm.http.messages import Json

if TYPE_CHECKING:
    from amocrm.client import AmoCRM

MOST_HANDLERS: Final = 10
"""Handlers of one answer."""

LONGEST_TEXT: Final = 80
"""Characters of a text that is shown."""

MOST_BUTTONS: Final = 25

_CONTINUE: Final = re.compile(r"/api/v4/(?:salesbot|marketingbot)/[0-9]{1,19}/continue/[0-9]{1,19}")


class BotHandler(TypedDict):
    """What the bot does next; see `show_text`, `show_buttons`, `show_links` and `go_to`."""

    handler: str
    params: dict[str, Json]


def show_text(text: str) -> BotHandler:
    """Let the bot send a text."""
    return _show("text", text)


def show_buttons(text: str, buttons: Sequence[str]) -> BotHandler:
    """Let the bot send a text with buttons; the bot's next step gets the chosen one."""
    return _show("buttons", text, buttons=_buttons("buttons", buttons))


def show_links(text: str, urls: Sequence[str]) -> BotHandler:
    """Let the bot send a text with buttons that open web pages."""
    for url in _buttons("urls", urls):
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
            raise ConfigurationError("each of urls must be an http(s) URL")
    return _show("buttons_url", text, buttons=list(urls))


def go_to(step: int, kind: Literal["question", "answer", "finish"] = "question") -> BotHandler:
    """Let the bot go on at another step, the first one is 0."""
    if kind not in ("question", "answer", "finish"):
        raise ConfigurationError(f"kind must be question, answer or finish, not {kind!r}")
    if isinstance(step, bool) or not isinstance(step, int) or step < 0:
        raise ConfigurationError("step must be a whole number from 0")
    return {"handler": "goto", "params": {"type": kind, "step": step}}


def continue_bot(
    crm: AmoCRM,
    return_url: Json,
    data: Mapping[str, Json] | None = None,
    handlers: Iterable[BotHandler] = (),
) -> bool:
    """Let a waiting bot go on.

    Args:
        crm: the client of the account; its user must be an administrator.
        return_url: of the event: `event.item["return_url"]`. It is called only if it is an address
            of this account, because the call contains the token.
        data: what later steps of the bot read as `{{json.name}}`.
        handlers: what the bot does first, ten at most.

    Returns:
        True if the bot went on; False if it does not wait, because it was continued already, maybe
        by an attempt whose response was lost, or because it was stopped meanwhile.

    Raises:
        ConfigurationError: the address is none of this account, or a handler is wrong.
        AmoCRMError: the bot was not continued; try again.
    """
    path = urlsplit(return_url).path if isinstance(return_url, str) else ""
    if not _CONTINUE.fullmatch(path) or "?" in return_url or "#" in return_url:
        raise ConfigurationError(
            "return_url is not an address that continues a bot",
            hint='pass event.item["return_url"]',
        )
    sent: dict[str, Json] = {}
    if data is not None:
        check_dict("data", data)
        sent["data"] = dict(data)
    if actions := _checked(handlers):
        sent["execute_handlers"] = actions
    try:
        # Repeated even if it may have arrived: a bot goes on once, and then waits no more.
        crm.request.post(return_url, sent, retry="always")
    except NotFoundError:
        return False
    except OutcomeUnknownError as error:
        if isinstance(error.__cause__, NotFoundError):
            return False  # It went on with an attempt before, whose response was lost.
        raise
    return True


def _checked(handlers: Iterable[BotHandler]) -> list[BotHandler]:
    check_several("handlers", handlers, hint='[show_text("Hello")]')
    actions = list(handlers)
    if len(actions) > MOST_HANDLERS:
        raise ConfigurationError(f"a bot takes {MOST_HANDLERS} handlers, not {len(actions)}")
    for one in actions:
        if not isinstance(one, Mapping) or set(one) != {"handler", "params"}:
            raise ConfigurationError(
                "each of handlers is made by show_text, show_buttons, show_links or go_to"
            )
    return actions


def _show(kind: str, text: str, **more: Json) -> BotHandler:
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_TEXT:
        raise ConfigurationError(f"a text of a bot has 1 to {LONGEST_TEXT} characters")
    return {"handler": "show", "params": {"type": kind, "value": text, **more}}


def _buttons(name: str, buttons: Sequence[str]) -> list[str]:
    check_several(name, buttons)
    texts = list(buttons)
    if not 0 < len(texts) <= MOST_BUTTONS:
        raise ConfigurationError(f"{name} must be 1 to {MOST_BUTTONS} texts")
    if not all(isinstance(one, str) and one for one in texts):
        raise ConfigurationError(f"each of {name} must be a text that is not empty")
    return texts
