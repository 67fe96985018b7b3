"""The table's page is what the code says."""

from __future__ import annotations

import pytest

from tests.docs.make_api import DOCS, RUSSIAN, render
from tests.resources.table import walk


@pytest.mark.parametrize(("name", "russian"), [("api.md", False), ("api.ru.md", True)])
def test_the_page_is_up_to_date(name: str, russian: bool) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    assert text == render(russian=russian), "run: python -m tests.docs.make_api"


def test_every_family_is_told_in_russian() -> None:
    assert set(RUSSIAN) == {seat.kind.__name__ for seat in walk()}
