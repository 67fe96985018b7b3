"""Templates into HTML: the environment of Jinja2, and how values are shown.

Whatever the portal holds may be hostile: every value is escaped, long ones are cut, and characters
that a browser or a terminal would obey are replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import lru_cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING

from amocrm.sandbox.http.answer import Json

if TYPE_CHECKING:
    from jinja2 import Environment

LONGEST_TEXT = 200
"""Characters of a name or a value in a list."""

LONGEST_BODY = 20_000
"""Characters of a body that is shown whole."""

_DAYS = {"en": "%Y-%m-%d", "ru": "%d.%m.%Y"}

GRAY = "#c1c1c1"
"""Of a stage whose color is none."""

_COLOR = re.compile(r"#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?")
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def render(template: str, language: str, context: Mapping[str, Json]) -> str:
    """Return a page.

    Raises:
        ImportError: Jinja2 is not installed.
    """
    texts = texts_in(language)

    def text(key: str, **values: Json) -> str:
        return texts[key].format(**values) if values else texts[key]

    page = environment(language).get_template(template)
    return page.render({**context, "t": text, "language": language})


@lru_cache(maxsize=2)
def texts_in(language: str) -> Mapping[str, str]:
    """Return the words of the page by their keys; `{...}` in them are values."""
    path = files("amocrm.sandbox.page") / "texts" / f"{language}.json"
    texts: Mapping[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return texts


@lru_cache(maxsize=2)
def environment(language: str) -> Environment:
    """Return the environment of the templates in a language.

    Raises:
        ImportError: Jinja2 is not installed.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("amocrm.sandbox.page", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "cut": cut,
        "day": partial(day, language=language),
        "iso": iso,
        "moment": partial(moment, language=language),
        "money": money,
        "pretty": pretty,
        "second": second,
        "stage_color": stage_color,
    }
    return made


def cut(value: Json, most: int = LONGEST_TEXT) -> str:
    """Return a value as text of at most so many characters, without control characters.

    >>> cut("a" * 12, 10)
    'aaaaaaaaa…'
    """
    text = "" if value is None else str(value)
    if len(text) > most:
        text = text[: most - 1] + "…"
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


def pretty(value: Json, most: int = LONGEST_BODY) -> str:
    r"""Return a body for reading: JSON is indented, text is kept.

    >>> pretty("a=1"), pretty({"a": 1})
    ('a=1', '{\n  "a": 1\n}')
    """
    if not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False, indent=2)
    return cut(value, most)


def money(value: Json) -> str:
    r"""Return a sum with its thousands apart.

    >>> money(1234567)
    '1\u202f234\u202f567'
    """
    number = float(value or 0)
    digits = f"{number:,.0f}" if number == int(number) else f"{number:,.2f}"
    return digits.replace(",", "\N{NARROW NO-BREAK SPACE}")


def iso(seconds: Json) -> str:
    """Return Unix seconds as `<time datetime>` has them, "" for what is no moment."""
    return _formatted(seconds, "%Y-%m-%dT%H:%M:%SZ")


def day(seconds: Json, language: str) -> str:
    """Return the day of Unix seconds, in UTC, as it is written in a language.

    >>> day(0, "en"), day(0, "ru")
    ('1970-01-01', '01.01.1970')
    """
    return _formatted(seconds, _DAYS[language])


def moment(seconds: Json, language: str) -> str:
    """Return day and time of Unix seconds, in UTC."""
    return _formatted(seconds, f"{_DAYS[language]} %H:%M:%S")


def second(seconds: Json) -> str:
    """Return the time of Unix seconds with its thousandths, in UTC."""
    return _formatted(seconds, "%H:%M:%S.%f")[:12]


def stage_color(value: Json) -> str:
    """Return the color of a stage, gray for what is no color."""
    return value if isinstance(value, str) and _COLOR.fullmatch(value) else GRAY


def _formatted(seconds: Json, form: str) -> str:
    try:
        return datetime.fromtimestamp(float(seconds), timezone.utc).strftime(form)
    except (TypeError, ValueError, OverflowError, OSError):
        return ""
