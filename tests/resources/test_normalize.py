from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import amocrm
from amocrm.resources.people.normalize import (
    normalize_email,
    normalize_name,
    normalize_phone,
    search_tail,
    written_forms,
)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("+79001234567", "+79001234567"), ("79001234567", "+79001234567"),
        ("89001234567", "+79001234567"), ("9001234567", "+79001234567"),
        ("+8 900 123-45-67", "+79001234567"), ("8 (900) 123-45-67", "+79001234567"),
        (" +7 (900)123 45 67 ", "+79001234567"), ("(8-495) 123.45.67", "+74951234567"),
        ("(+7) 9001234567", "+79001234567"), ("＋７９００１２３４５６７", "+79001234567"),
        ("٨٩٠٠١٢٣٤٥٦٧", "+79001234567"), ("007 900 1234567", "+79001234567"),
        ("+84 951234567", "+84951234567"),  # Vietnam; without the plus it is Moscow's.
        ("84951234567", "+74951234567"),
        ("+49 151 1234567", "+491511234567"), ("0049 151 1234567", "+491511234567"),
        ("+44 (0)20 7946 0958", "+4402079460958"), ("380501234567", "+380501234567"),
        ("+375 29 1234567", "+375291234567"),
        ("4951234567", "4951234567"), ("8123456", "8123456"), ("+9123456789", "+9123456789"),
        ("0123456789", "0123456789"), ("12345", "12345"), ("1234", None),
        ("+123456789012345", "+123456789012345"), ("+1234567890123456", None),
        ("00123456789012345", "+123456789012345"), ("12345678901234567", None),
        ("+7 900 123 45 67 доб. 12", "+79001234567"), ("89001234567 ext 5", "+79001234567"),
        ("89001234567,5", "+79001234567"), ("89001234567#5", "+79001234567"),
        ("89001234567 x5", "+79001234567"), ("89001234567 (вн. 5)", "+79001234567"),
        ("0012345", "+12345"), ("001234", None), ("00000", None),
        ("", None), ("ann", None), ("ann@example.org", None), ("доб. 12345", "12345"),
    ],
)  # fmt: skip
def test_a_phone_has_one_form(text: str, normal: str | None) -> None:
    assert normalize_phone(text) == normal


@given(st.text("+0123456789 ()-.доext,#", max_size=24))
def test_the_one_form_is_its_own(text: str) -> None:
    once = normalize_phone(text)
    if once is not None:
        assert normalize_phone(once) == once
        assert once.removeprefix("+").isdigit()


@given(st.text(max_size=30))
def test_any_text_is_a_phone_or_none(text: str) -> None:
    assert normalize_phone(text) is None or len(str(normalize_phone(text))) >= 5


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (" Ann@Example.ORG\n", "ann@example.org"), ("Straße@x.de", "strasse@x.de"),
        ("a@b", "a@b"), ("a b@c", None), ("@b", None), ("a@", None), ("ab", None), ("", None),
    ],
)  # fmt: skip
def test_an_email_has_one_form(text: str, normal: str | None) -> None:
    assert normalize_email(text) == normal


def test_both_are_public() -> None:
    assert amocrm.normalize_phone is normalize_phone
    assert amocrm.normalize_email is normalize_email


@pytest.mark.parametrize(
    ("text", "normal"),
    [("ООО  Ромашка ", "ооо ромашка"), ("ACME\tInc", "acme inc"), ("", "")],
)
def test_a_name_is_compared_without_case_and_spaces(text: str, normal: str) -> None:
    assert normalize_name(text) == normal


@pytest.mark.parametrize(
    ("phone", "tail", "forms"),
    [
        (
            "+79991234567", "9991234567",
            ["1234567", "123-45-67", "123 45 67", "123-4567", "123 4567", "123.45.67"],
        ),
        ("1234567", "1234567", ["123-45-67", "123 45 67", "123-4567", "123 4567", "123.45.67"]),
        ("123456", "123456", ["12-34-56", "12 34 56", "123-456", "123 456", "12.34.56"]),
        ("12345", "12345", ["1-23-45", "1 23 45", "123-45", "123 45", "1.23.45"]),
        ("1234", "1234", []), ("what a `normal` of yours returns", "rs returns", []),
    ],
)  # fmt: skip
def test_a_phone_is_searched_by_its_tail_and_by_its_written_forms(
    phone: str, tail: str, forms: list[str]
) -> None:
    assert search_tail(phone) == tail
    assert written_forms(phone) == forms


USUAL = [
    "+7{a}{b}{c}{d}", "8{a}{b}{c}{d}", "{a}{b}{c}{d}", "+7 {a} {b}{c}{d}", "8 {a} {b}{c}{d}",
    "8 ({a}) {b}-{c}-{d}", "+7 ({a}) {b}-{c}-{d}", "8({a}){b}-{c}-{d}", "8({a}){b}{c}{d}",
    "+7 {a} {b}-{c}-{d}", "8-{a}-{b}-{c}-{d}", "8 {a} {b} {c} {d}", "+7 ({a}) {b} {c} {d}",
    "7.{a}.{b}.{c}.{d}", "({a}) {b}-{c}{d}", "{a} {b} {c}{d}", "+7({a}) {b}-{c}-{d} доб. 12",
]  # fmt: skip
"""Written by hand, not made of the code: what stands in phone fields."""


@given(st.from_regex("[0-9]{10}", fullmatch=True), st.sampled_from(USUAL), st.sampled_from(USUAL))
def test_every_usual_form_is_among_the_forms_searched(digits: str, one: str, other: str) -> None:
    parts = {"a": digits[:3], "b": digits[3:6], "c": digits[6:8], "d": digits[8:]}
    asked, stored = normalize_phone(one.format(**parts)), other.format(**parts)
    assert asked is not None
    queries = [search_tail(asked), *written_forms(asked)]
    assert any(query in stored for query in queries)
    assert len(queries) <= 7
