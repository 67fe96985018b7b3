"""English and Russian: which one, by the person's settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["en", "ru"]


def language_of(variables: Mapping[str, str]) -> Language:
    """Return the language that environment variables ask for: AMOCRM_LANG, else the locale."""
    for name in ("AMOCRM_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := variables.get(name):
            return "ru" if value.lower().startswith("ru") else "en"
    return "en"


@cache
def language() -> Language:
    """Return the language of this process."""
    return language_of(os.environ)


def tr(en: str, ru: str) -> str:
    """Return one text in the language of this process."""
    return ru if language() == "ru" else en
