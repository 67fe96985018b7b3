"""What a page says about the form that was sent last."""

from __future__ import annotations

from amocrm.sandbox.control.browser import Notice
from amocrm.sandbox.http.answer import Json, is_object

_SECRETS = {"access_token": "issued_token", "code": "issued_code"}
"""Members of results that are shown once, and the text that announces each."""


def told(notice: Notice) -> dict[str, Json]:
    """Return what is shown: why it was refused, a secret, or that it is done."""
    shown: dict[str, Json] = {"error": notice.error, "secret": "", "key": ""}
    if is_object(notice.result):
        for member, key in _SECRETS.items():
            if member in notice.result:
                shown |= {"secret": notice.result[member], "key": key}
    return shown
