"""Bodies of webhooks as lines, to be compared with what is written by hand."""

from __future__ import annotations

from urllib.parse import unquote_plus

from amocrm.sandbox import Sandbox

ACCOUNT = """
account[subdomain]=example
account[id]=30000001
account[_links][self]=https://example.amocrm.ru
"""


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def fields(body: bytes) -> list[str]:
    return [unquote_plus(pair) for pair in body.decode("ascii").split("&")]


def sent(portal: Sandbox) -> list[list[str]]:
    """Return the fields of every webhook of the account so far, those of the envelope apart."""
    bodies = [fields(one.body) for one in portal.webhooks.deliveries if one.kind == "account"]
    assert all(body[-3:] == lines(ACCOUNT) for body in bodies)
    return [body[:-3] for body in bodies]
