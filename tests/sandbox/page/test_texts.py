"""The words of the page: in both languages, each of them used."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Formatter

from amocrm.sandbox import page
from amocrm.sandbox.page.rendering import texts_in

FOLDER = Path(page.__file__).parent
EN, RU = texts_in("en"), texts_in("ru")
FAMILIES = ("fault_", "hint_", "state_", "token_", "plus_", "locale_")
"""Beginnings of keys whose end is a value."""


def values(text: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(text)} - {None}


def test_both_languages_have_every_text() -> None:
    assert EN.keys() == RU.keys()
    for key in EN:
        assert EN[key].strip()
        assert RU[key].strip()
        assert values(EN[key]) == values(RU[key]), key


def test_russian_is_written_in_russian() -> None:
    same = {key for key in EN if not re.search("[а-яё]", RU[key], re.IGNORECASE)}
    assert same == {
        "email",
        "fault_server_error",
        "other_language",
        "token_access",
        "token_refresh",
    }


def test_every_text_is_used() -> None:
    sources = [*FOLDER.glob("templates/*.html"), *FOLDER.rglob("*.py")]
    source = "\n".join(one.read_text(encoding="utf-8") for one in sources)
    unused = {key for key in EN if f'"{key}"' not in source and not key.startswith(FAMILIES)}
    assert unused == set()


def test_every_literal_key_is_known() -> None:
    for template in FOLDER.glob("templates/*.html"):
        keys = re.findall(r'\bt\("(\w+)"[,)]', template.read_text(encoding="utf-8"))
        assert set(keys) <= EN.keys(), template.name


def test_files_are_sorted_by_page_and_hold_each_key_once() -> None:
    def once(pairs: list[tuple[str, str]]) -> dict[str, str]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    for language in ("en", "ru"):
        text = (FOLDER / "texts" / f"{language}.json").read_text(encoding="utf-8")
        keys = list(json.loads(text, object_pairs_hook=once))
        assert keys == list(EN)
