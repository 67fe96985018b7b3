"""Texts and numbers that a stranger chose: no pattern is slow, no number breaks a reading, and no
word of theirs forges a line of ours."""

from __future__ import annotations

import ast
import importlib
import json
import math
import pkgutil
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import amocrm
from amocrm._support.numbers import finite, instant
from amocrm.auth import token_response
from amocrm.auth.token import granted, read_token
from amocrm.auth.token_record import Record, read_record, write_record
from amocrm.bulk.pages import number_of
from amocrm.errors import (
    AmoCRMError,
    ConfigurationError,
    GrantError,
    InvalidField,
    UnexpectedReplyError,
)
from amocrm.http.error_mapping import error_of, retry_after
from amocrm.http.messages import Call, NoReply, Reply
from amocrm.http.query import encode
from amocrm.http.reply_body import NotJSONError, excerpt, parse
from amocrm.http.retry import GiveUp, RetryState
from amocrm.http.validation_errors import read_validation_errors
from amocrm.resources.resource import read_id

if sys.version_info >= (3, 11):
    from re import _parser as sre  # type: ignore[attr-defined]
else:
    import sre_parse as sre

PACKAGE = Path(amocrm.__file__).parent
CALLS = ("compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer")

SIZES = (300, 1_200, 4_800, 20_000)
"""Close to one another, so that a pattern of cubic time is found before it takes minutes."""
SLOW = 0.05
"""Processor seconds that no linear pattern takes for so many characters, on the slowest machine."""
TRIES = 3

# Patterns ----------------------------------------------------------------------------------------


class Use(NamedTuple):
    """A pattern and the method it is used with, as its cost depends on both."""

    pattern: str
    flags: int
    method: str


def uses() -> dict[Use, str]:
    """Every pattern of the package, with where it stands: those of modules and classes, and those
    that are written where they are used."""
    found: dict[Use, str] = {}
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")}
    calls = [call for tree in trees.values() for call in _calls(tree)]
    methods: dict[str, set[str]] = {}
    for owner, method, _ in calls:
        methods.setdefault(owner, set()).add(method)
    for info in pkgutil.walk_packages([str(PACKAGE)], "amocrm."):
        if info.name.endswith("__main__"):
            continue
        try:
            module = importlib.import_module(info.name)
        except ConfigurationError:  # It needs an extra that is not installed.
            continue
        for name, value in _values(module):
            for one in value if isinstance(value, (tuple, list)) else (value,):
                if isinstance(one, re.Pattern) and isinstance(one.pattern, str):
                    for method in methods.get(name.rpartition(".")[2], {"search"}):
                        found.setdefault(Use(one.pattern, one.flags, method), info.name)
    for owner, method, first in calls:
        if owner == "re" and isinstance(first, ast.Constant):
            pattern = str(first.value)
            method = "match" if method == "compile" else method
            found.setdefault(Use(pattern, re.compile(pattern).flags, method), "inline")
        # Any other has a name, and was found by it.
        assert owner != "re" or isinstance(first, ast.Constant), ast.dump(first)
    return found


def _calls(tree: ast.AST) -> Iterator[tuple[str, str, ast.expr]]:
    """The calls of patterns' methods: of what, which, and the first argument."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            owner = node.func.value
            if node.func.attr in CALLS and isinstance(owner, (ast.Name, ast.Attribute)):
                name = owner.id if isinstance(owner, ast.Name) else owner.attr
                yield name, node.func.attr, node.args[0]


def _values(module: object) -> Iterator[tuple[str, object]]:
    for name, value in list(vars(module).items()):
        yield name, value
        if isinstance(value, type):
            yield from ((f"{name}.{inner}", one) for inner, one in vars(value).items())


def samples(tree: Any) -> Iterator[tuple[str, str]]:
    """The parts of a pattern as texts, each with a text of what stands before it."""
    before = ""
    for index, (kind, value) in enumerate(tree):
        own = _sample([(kind, value)])
        yield before, own
        for part in _inside(kind, value):
            for inner, text in samples(part):
                yield before + inner, text
        rest = _sample(list(tree)[index:])
        yield before, rest
        before += own
    yield "", before


def _inside(kind: Any, value: Any) -> list[Any]:
    name = str(kind)
    if name in ("MAX_REPEAT", "MIN_REPEAT"):
        return [value[2]]
    if name == "SUBPATTERN":
        return [value[3]]
    if name == "BRANCH":
        return list(value[1])
    return [value[1]] if name in ("ASSERT", "ASSERT_NOT") else []


def _sample(tree: Any) -> str:
    """A text that these parts of a pattern take, each repeated part once."""
    text = ""
    for kind, value in tree:
        name = str(kind)
        if name == "LITERAL":
            text += chr(value)
        elif name == "NOT_LITERAL":
            text += "a" if value != ord("a") else "b"
        elif name == "ANY":
            text += "a"
        elif name == "IN":
            text += _member(value)
        elif name in ("MAX_REPEAT", "MIN_REPEAT"):
            text += _sample(value[2]) * max(1, min(value[0], 8))
        elif name == "SUBPATTERN":
            text += _sample(value[3])
        elif name == "BRANCH":
            text += _sample(value[1][0])
    return text


def _member(items: Any) -> str:
    accept = re.compile(_class_of(items))
    return next(
        mark for mark in "a1A. -/@\n\x00\\" + "".join(map(chr, range(256))) if accept.match(mark)
    )


def _class_of(items: Any) -> str:
    text = ""
    for kind, value in items:
        name = str(kind)
        if name == "NEGATE":
            text += "^"
        elif name == "LITERAL":
            text += f"\\u{value:04x}" if value < 0x10000 else f"\\U{value:08x}"
        elif name == "RANGE":
            text += "-".join(f"\\U{end:08x}" for end in value)
        else:
            text += {
                "CATEGORY_DIGIT": r"\d", "CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_SPACE": r"\s",
                "CATEGORY_NOT_SPACE": r"\S", "CATEGORY_WORD": r"\w", "CATEGORY_NOT_WORD": r"\W",
            }[str(value)]  # fmt: skip
    return f"[{text}]"


def attacks(pattern: str, flags: int) -> list[tuple[str, str, str]]:
    """What stands before, what is repeated, and a tail that does not fit."""
    pieces = dict.fromkeys(samples(sre.parse(pattern, flags)))
    return [
        (before, piece, tail)
        for before, piece in pieces
        if piece
        for tail in ("", "\n", " ", "\x00", "~")
    ]


def slow(use: Use) -> str | None:
    """The text that a pattern takes more than linear time for; None if there is none."""
    made = re.compile(use.pattern, use.flags)
    step: Callable[[str], object] = (
        (lambda text: made.sub("", text)) if use.method == "sub" else getattr(made, use.method)
    )
    for before, piece, tail in attacks(use.pattern, use.flags):

        def spent(size: int) -> float:
            text = before + piece * (size // len(piece)) + tail  # noqa: B023
            began = time.process_time()
            step(text)
            return time.process_time() - began

        def least(size: int) -> float:
            """The least of several times: whatever else the machine does only adds to them."""
            return min(spent(size) for _ in range(TRIES))

        for size in SIZES:
            # Smaller texts tell how the time grows, and take a tenth of it.
            if spent(size) > SLOW and least(size // 2) > 3 * least(size // 4):
                return f"{before!r} + {piece!r} * n + {tail!r}"
    return None


def test_the_search_for_slow_patterns_finds_them() -> None:
    email, address = r"[^@\s]+@[^@\s]+\.[^@\s]+", r"https?://[^\s/]+\S*"
    path = r"((?:.*\.)?one\.\d+)(?:\.(.*))?"
    for bad in (email, address, path):
        assert slow(Use(bad, 0, "fullmatch")), bad


def test_no_pattern_of_the_package_is_slow() -> None:
    """In a process of its own, so that one that takes for ever ends the test and not the run."""
    code = "from tests.http.test_hostile_text import report; report()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PACKAGE.parent, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["count"] > 30
    assert not found["slow"]


def report() -> None:
    bad = {f"{use.pattern} of {where}": why for use, where in uses().items() if (why := slow(use))}
    sys.stdout.write(json.dumps({"count": len(uses()), "slow": bad}))


def test_a_refusal_of_endless_words_is_read_at_once() -> None:
    path = "custom_fields_values.1." * 20_000 + "\n"
    errors = [{"code": "NotSupportedChoice", "path": path, "detail": "no"}]
    groups = [{"request_id": str(at), "errors": errors[: at < 3]} for at in range(20_000)]
    sent = [{"name": "a", "request_id": f"r{at}"} for at in range(250)]
    began = time.process_time()
    fields = list(read_validation_errors({"validation-errors": groups}, sent))
    assert time.process_time() - began < 2  # 3 s for a path of a tenth, before
    assert [one.index for one in fields] == [0, 1, 2]


def test_a_custom_field_is_found_wherever_it_stands_in_a_path() -> None:
    sent = {"_embedded": {"contacts": [{"custom_fields_values": [{}, {"field_id": 7}]}]}}
    path = "_embedded.contacts.0.custom_fields_values.1.values.0.value"
    problem = {"validation-errors": [{"errors": [{"code": "c", "path": path, "detail": "d"}]}]}
    (field,) = read_validation_errors(problem, sent)
    assert (field.field_id, field.path) == (7, path)


# Numbers -----------------------------------------------------------------------------------------

HUGE = "1" * 5_000
STRANGE = (
    "1e999", "-1e999", "NaN", "Infinity", "-Infinity", HUGE, "1" + "0" * 400, "-1", "-0.5", "true",
    '"x"', '"1e999"', '"nan"', f'"{HUGE}"', "[]", "{}", "null", "1e300", "1e12",
)  # fmt: skip
"""What a server may send in the place of a number, as JSON."""


def token_of(**claims: str) -> str:
    import base64

    body = "{" + ",".join(f'"{name}":{value}' for name, value in claims.items()) + "}"
    text = base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")
    return f"e30.{text}.c2ln"


@pytest.mark.parametrize("number", STRANGE)
@pytest.mark.parametrize("name", ["expires_in", "server_time", "expires_at"])
def test_a_pair_is_kept_whatever_numbers_come_with_it(name: str, number: str) -> None:
    body = f'{{"access_token": "a", "refresh_token": "r", "{name}": {number}}}'
    call = Call("POST", "https://example.amocrm.ru/oauth2/access_token", "/oauth2/access_token", {})
    reply = Reply(200, {"Content-Type": "application/json"}, body.encode())
    verdict = token_response.judge_grant(
        call, reply, RetryState(), asked_at=1_700_000_000.5, in_doubt=False
    )
    assert isinstance(verdict, token_response.Granted)
    assert verdict.token.expires_at is not None
    assert math.isfinite(verdict.token.expires_at)
    check_saved(verdict.token.access_token, Record(verdict.token, "example.amocrm.ru"))


@pytest.mark.parametrize("number", STRANGE)
@pytest.mark.parametrize("claim", ["exp", "iat", "account_id"])
def test_a_pair_is_kept_whatever_its_claims_are(claim: str, number: str) -> None:
    access = token_of(**{claim: number})
    token = granted({"access_token": access, "refresh_token": "r"}, 1_700_000_000.5)
    assert token.granted_at is not None
    token.freshness(1_700_000_000.0)
    token.is_older_than(token)
    check_saved(access, Record(token, "example.amocrm.ru"))


def check_saved(access: str, record: Record) -> None:
    """A record can be written, and be read by the next process."""
    text = write_record("id", "example.amocrm.ru", record)
    read = read_record(text, "id", "example.amocrm.ru")
    assert isinstance(read, Record)
    assert read.token.access_token == access
    assert read.token.expires_at == record.token.expires_at


@pytest.mark.parametrize("number", STRANGE)
def test_a_stored_record_with_a_strange_instant_is_read(number: str) -> None:
    text = (
        '{"client_id": "id", "account": "example.amocrm.ru", "asked_at": %s,'
        ' "token": {"access_token": "a", "refresh_token": "r", "expires_at": 1}}'
    )
    read = read_record(text % number, "id", "example.amocrm.ru")
    assert isinstance(read, Record)
    assert read.asked_at is None or math.isfinite(read.asked_at)


@pytest.mark.parametrize("value", [10**400, math.inf, math.nan, "nan", "1e999", -1, True, [], HUGE])
def test_an_expiry_that_is_none_is_refused_in_words(value: object) -> None:
    with pytest.raises(ConfigurationError, match="expires_at"):
        read_token({"access_token": "a", "expires_at": value})


@pytest.mark.parametrize(
    "value", [10**400, math.inf, math.nan, "nan", "1e999", -1, True, [], HUGE, None, "soon", 1e9]
)
def test_a_wait_that_is_none_is_not_waited_for(value: object) -> None:
    assert retry_after(Reply(429, {}), {"retry_after": value}) is None
    header = {"Retry-After": value} if isinstance(value, str) else {}
    assert retry_after(Reply(429, header), {}) is None
    assert retry_after(Reply(429, {"Retry-After": "2.5"}), {"retry_after": value}) in (2.5, None)


def test_numbers_that_are_none_are_null_and_the_rest_of_an_answer_is_read() -> None:
    body = '{"price": NaN, "sum": -Infinity, "id": %s, "name": "Анна", "n": 12345678901234567890}'
    assert parse((body % HUGE).encode()) == {
        "price": None, "sum": None, "id": None, "name": "Анна", "n": 12345678901234567890,
    }  # fmt: skip


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b"nan", b"", HUGE.encode() + b"]"])
def test_what_is_no_json_is_still_none(body: bytes) -> None:
    with pytest.raises(NotJSONError):
        parse(body)


def test_one_function_tells_which_numbers_count() -> None:
    assert [finite(one) for one in (0, -2, 1.5, "7", " 7 ")] == [0, -2, 1.5, 7.0, 7.0]
    odd = (True, None, math.nan, math.inf, 10**400, "nan", "1e999", HUGE, b"1", [1])
    assert [finite(one) for one in odd] == [None] * len(odd)
    assert [instant(one) for one in (0, 1e11, 1e12, -1)] == [0, 1e11, None, None]


def test_numbers_of_thousands_of_digits_are_no_ids_pages_or_values() -> None:
    for number in (HUGE, int("9" * 4_000) * 10**1_000, "0" * 30, -1, True):
        with pytest.raises(ConfigurationError):
            read_id(number, "leads")
    base = "https://example.amocrm.ru/api/v4/leads"
    assert number_of(f"{base}?page={HUGE}", base) is None
    with pytest.raises(ConfigurationError, match="too many digits"):
        encode({"id": 10**5_000})


# Words -------------------------------------------------------------------------------------------

FORGED = (
    "no\r\n2026-11-26 INFO amocrm.grants \x1b[31mgrant\x9b \u2028\u202eevil\u2066\x00\x7f\ud800"
)
UNSEEN = set("\r\n\x1b\x9b\u2028\u202e\u2066\x00\x7f\ud800")
CALL = Call("GET", "https://example.amocrm.ru/api/v4/leads", "/api/v4/leads", {}, data=[{"a": 1}])


def check_line(text: str) -> None:
    assert not UNSEEN & set(text)
    assert len(text) < 6_000
    text.encode()


def errors_with_foreign_words(words: str) -> Iterator[AmoCRMError]:
    problem: dict[str, Any] = {"title": words, "detail": words, "hint": words}
    header = {"Content-Type": "application/problem+json", "X-Request-Id": words}
    for status in (400, 401, 402, 403, 404, 429, 500):
        yield error_of(CALL, Reply(status, header, json.dumps(problem).encode()))
    refused = {
        **problem,
        "validation-errors": [
            {"request_id": "0", "errors": [{"code": words, "path": words, "detail": words}] * 9}
        ],
    }
    yield error_of(CALL, Reply(400, header, json.dumps(refused).encode()))
    yield error_of(
        CALL, Reply(502, {"Content-Type": "text/html"}, words.encode("utf-8", "replace"))
    )
    yield UnexpectedReplyError(words, method="GET", path="/", status=200, request_id=words)
    lost = token_response.judge_grant(
        CALL, NoReply(True, words, words, final=True), RetryState(), asked_at=0, in_doubt=False
    )
    assert isinstance(lost, GiveUp)
    yield lost.error
    refusal = token_response.judge_grant(
        CALL,
        Reply(400, header, json.dumps(problem).encode()),
        RetryState(),
        asked_at=0,
        in_doubt=True,
    )
    assert isinstance(refusal, token_response.GrantRefused)
    yield refusal.error


@pytest.mark.parametrize("words", [FORGED, "я" * 1_000_000, "\x1b" * 1_000_000])
def test_words_of_others_stay_on_one_short_line(words: str) -> None:
    for error in errors_with_foreign_words(words):
        check_line(str(error))
        check_line(repr(error))
        check_line(str(error.args[0]))


def test_words_of_others_stay_as_data() -> None:
    error = error_of(CALL, Reply(404, {}, json.dumps({"title": "t", "detail": FORGED}).encode()))
    assert error.detail == FORGED


def test_what_can_be_printed_stays_as_it_is() -> None:
    words = "Сделка № 5 — «Ёлка» 100\u00a0000 ₽, 👨\u200d👩\u200d👧, 日本語, é"
    assert words in str(AmoCRMError(words, hint=words))


def test_a_field_shows_itself_on_one_line() -> None:
    check_line(repr(InvalidField(0, None, FORGED * 100, FORGED * 100, "")))


def test_an_error_keeps_its_words_when_it_is_pickled() -> None:
    import pickle

    error = GrantError("a\nb", status=400, reason="a\nb", hint="c\nd")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.reason) == (str(error), "a\nb")


def test_an_excerpt_of_endless_markup_is_made_at_once() -> None:
    for piece in (b"<script", b"<", b"<a", b"</script "):
        began = time.process_time()
        excerpt(piece * 1_000_000)
        assert time.process_time() - began < 2
    assert excerpt(b"<h1>a</h1><script>x</script> b <style>c") == "'a b'"
