"""In which language the page is: by the link, else by the cookie, else by the browser."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("en", "ru")
"""In the order of the texts; the first one if nothing else is asked for."""

COOKIE = "amocrm_sandbox_lang"


def chosen(query: Mapping[str, str], kept: str, accepted: str) -> str:
    """Return the language of a page.

    Args:
        query: `lang` is what a person just chose.
        kept: the cookie `COOKIE`, which keeps the choice.
        accepted: the header `Accept-Language`.
    """
    for wanted in (query.get("lang", ""), kept):
        if wanted in LANGUAGES:
            return wanted
    ranked = sorted(map(_ranked, accepted.split(",")), key=lambda one: one[0], reverse=True)
    return next((name for rank, name in ranked if rank > 0 and name in LANGUAGES), LANGUAGES[0])


def _ranked(part: str) -> tuple[float, str]:
    name, _, rest = part.partition(";")
    rank = rest.strip().removeprefix("q=")
    try:
        return float(rank) if rank else 1.0, name.strip().lower().partition("-")[0]
    except ValueError:
        return 0.0, ""
