"""Requests of a channel to the Chats API, signed by hand (reference 8.1)."""

from __future__ import annotations

import hashlib
import hmac
import json
from email.utils import formatdate
from typing import Any

import requests

from amocrm.sandbox import Channel, ManualClock


def ask(
    session: requests.Session, channel: Channel, clock: ManualClock, path: str, body: Any
) -> requests.Response:
    """Send a signed request of the channel."""
    data = json.dumps(body).encode()
    headers = {
        "Content-MD5": hashlib.md5(data).hexdigest(),
        "Content-Type": "application/json",
        "Date": formatdate(clock.time(), usegmt=True),
    }
    place = f"/v2/origin/custom/{path}"
    text = "\n".join(("POST", *headers.values(), place)).encode()
    headers["X-Signature"] = hmac.new(channel.secret.encode(), text, "sha1").hexdigest()
    url = f"https://amojo.amocrm.ru{place}"
    return session.post(url, data=data, headers=headers)


def connect(session: requests.Session, channel: Channel, clock: ManualClock, amojo_id: str) -> str:
    """Connect the channel to an account; return the scope."""
    body = {"account_id": amojo_id, "hook_api_version": "v2"}
    answer = ask(session, channel, clock, f"{channel.id}/connect", body)
    return str(answer.json()["scope_id"])
