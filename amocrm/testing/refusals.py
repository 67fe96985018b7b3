"""What the sandbox refused, in lines that a failed test shows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

from amocrm.errors import SHORT, printable
from amocrm.http.messages import Json
from amocrm.sandbox import Seen

_MOST = 20
"""Lines of a message."""


def reason(body: bytes) -> str:
    """Return why a request was refused, as the answer's body says it; empty if it does not."""
    try:
        answer: Json = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(answer, dict):
        return ""
    said = "; ".join(_fields(answer)) or answer.get("detail") or answer.get("hint") or ""
    return printable(said, SHORT)


def _fields(answer: dict[str, Json]) -> Iterable[str]:
    for one in answer.get("validation-errors") or ():
        for error in one["errors"]:
            yield f"{error['path']}: {str(error['detail']).rstrip('.')} ({error['code']})"


def told(refused: Iterable[tuple[Seen, str]], calls: int) -> str:
    """Return the message of a failed assertion.

    Args:
        refused: the requests, each with the reason.
        calls: how many requests there were in all.
    """
    lines = Counter(
        f"  {one.method} {one.path} {one.status}{why and ': '}{why}" for one, why in refused
    )
    shown = [line + f" ({count} times)" * (count > 1) for line, count in lines.items()]
    more = [f"  and {len(shown) - _MOST} others"] if len(shown) > _MOST else []
    head = f"the sandbox refused {lines.total()} of {calls} request{'s' if calls != 1 else ''}:"
    return "\n".join([head, *shown[:_MOST], *more])
