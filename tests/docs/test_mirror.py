"""The tables of the page about the mirror are its definitions."""

from __future__ import annotations

import pytest

from tests.docs.make_mirror import DOCS, replaced


@pytest.mark.parametrize(("name", "russian"), [("mirror.md", False), ("mirror.ru.md", True)])
def test_the_page_is_up_to_date(name: str, russian: bool) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    assert text == replaced(text, russian=russian), "run: python -m tests.docs.make_mirror"
