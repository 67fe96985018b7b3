"""The pages that a person sees after the consent page, in Russian and in English."""

from __future__ import annotations

from html import escape
from typing import Final, NamedTuple

from werkzeug.wrappers import Response

from amocrm.errors import printable

_PAGE: Final = """<!doctype html>
<html lang="ru"><head><meta charset="utf-8"><title>amoCRM</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:18px/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em}}
h1{{font-size:1.4em;color:{color}}}p{{margin:.6em 0}}small{{color:#666}}</style></head>
<body><h1>{ru}</h1><p>{ru_next}</p><hr><h1 lang="en">{en}</h1><p lang="en">{en_next}</p>
<small>{detail}</small></body></html>
"""
_GREEN: Final = "#1a7f37"
_RED: Final = "#b42318"

PRIVATE: Final = {
    # The URL of these pages has the code: no cache and no other site may see it.
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}


class Words(NamedTuple):
    """The result and the next step, in both languages."""

    ru: str
    ru_next: str
    en: str
    en_next: str


def page(status: int, words: Words, detail: str = "", *, good: bool = False) -> Response:
    """Return a page; the detail is escaped, so it may have any characters."""
    html = _PAGE.format(
        color=_GREEN if good else _RED, detail=escape(printable(detail)), **words._asdict()
    )
    return Response(html, status, PRIVATE, content_type="text/html; charset=utf-8")
