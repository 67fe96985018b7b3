"""The Chats API: a channel of yours, which signs its calls with a secret and needs no token.

::

    with Channel(channel_id, secret) as channel:
        chats = channel.connect(account_id)  # the account's amojo_id
        chats.send("Hello", msgid="m-1", conversation_id="c-1", sender={"id": "u-1", "name": "Ann"})

Source: reference 8.
"""

from __future__ import annotations

from amocrm.chats.channel import Channel
from amocrm.chats.scope import Chats

__all__ = ["Channel", "Chats"]
