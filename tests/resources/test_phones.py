from __future__ import annotations

import pytest

from amocrm import ConfigurationError
from amocrm.phones import phones_of


@pytest.mark.parametrize(
    ("region", "text", "normal"),
    [
        ("DE", "0151 12345678", "+4915112345678"), ("DE", "+49 (0)151 12345678", "+4915112345678"),
        ("RU", "8 900 123-45-67", "+79001234567"), ("US", "(917) 555-1234", "+19175551234"),
        ("RU", "ann", None),
        ("RU", "12345", "12345"),
    ],
)  # fmt: skip
def test_a_phone_is_read_by_the_rules_of_a_country(
    region: str, text: str, normal: str | None
) -> None:
    assert phones_of(region)(text) == normal


def test_an_unknown_country_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no country 'XX'"):
        phones_of("XX")
