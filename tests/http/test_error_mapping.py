from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

import amocrm
from amocrm import (
    AmoCRMError,
    BlockedError,
    InvalidField,
    NotFoundError,
    PaymentRequiredError,
    RateLimitedError,
    ReplyError,
    ServerError,
    UnauthorizedError,
    ValidationError,
)
from amocrm.http.error_mapping import error_of, transport_error, unexpected, unexpected_response
from amocrm.http.messages import Call, NoReply, Reply
from amocrm.http.reply_body import NotJSONError, decode, excerpt

PROBLEM = "application/problem+json"


def call(data: Any = None, method: str = "PATCH") -> Call:
    return Call(method, "https://h/api/v4/leads?q=1", "/api/v4/leads", {}, data=data)


def reply(status: int, body: Any = b"", media: str = PROBLEM, **more: str) -> Reply:
    headers = CaseInsensitiveDict({"Content-Type": media, **more})
    return Reply(status, headers, body if isinstance(body, bytes) else json.dumps(body).encode())


def invalid(path: str, rid: object = "0") -> dict[str, Any]:
    error = {"code": "InvalidType", "path": path, "detail": "Wrong."}
    errors = [{"request_id": rid, "errors": [error]}]
    return {
        "validation-errors": errors, "title": "Bad Request", "status": 400,
        "detail": "Request validation failed",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ReplyError), (401, UnauthorizedError), (402, PaymentRequiredError),
        (403, BlockedError), (404, NotFoundError), (405, ReplyError), (418, ReplyError),
        (422, ReplyError), (429, RateLimitedError), (499, ReplyError), (500, ServerError),
        (502, ServerError), (503, ServerError), (504, ServerError), (599, ServerError),
    ],
)  # fmt: skip
def test_the_status_decides_the_kind(status: int, kind: type[ReplyError]) -> None:
    error = error_of(call(), reply(status))
    assert type(error) is kind
    assert (error.method, error.path, error.status) == ("PATCH", "/api/v4/leads", status)


def test_the_words_of_the_problem_are_kept() -> None:
    problem = {"title": "Forbidden", "detail": "Invalid scope", "hint": "Ask the owner"}
    error = error_of(call(), reply(403, problem, **{"X-Request-Id": "r-1"}))
    assert str(error) == (
        "PATCH /api/v4/leads returned 403 Forbidden: Invalid scope (Ask the owner) [request r-1]"
    )
    assert (error.title, error.detail, error.hint) == (
        "Forbidden",
        "Invalid scope",
        "Ask the owner",
    )
    assert (error.request_id, error.data) == ("r-1", problem)


def test_a_refusal_without_words_has_ours() -> None:
    error = error_of(call(), reply(504, b"", "text/html"))
    assert str(error) == (
        "PATCH /api/v4/leads returned 504 Gateway Timeout "
        "(the request was too heavy: request or send fewer entities at once)"
    )


def test_a_page_is_shown_as_text_cyrillic_intact() -> None:
    page = "<html><style>p{}</style><body><h1>Сервис\n недоступен</h1></body></html>".encode()
    assert "'Сервис недоступен'" in str(error_of(call(), reply(502, page, "text/html")))


ITEMS = [
    {"id": 1, "name": "A", "custom_fields_values": [{"field_id": 7, "values": [{"value": "x"}]}]},
    {"id": 2, "price": "много", "request_id": "mine"},
]


@pytest.mark.parametrize(
    ("problem", "index", "value"),
    [
        (invalid("custom_fields_values.0.field_id", "0"), 0, 7),
        (invalid("custom_fields_values.0.values.0.value", "0"), 0, "x"),
        (invalid("price", "mine"), 1, "много"),
        (invalid("price", "1"), 1, "много"),
        (invalid("price", 1), 1, "много"),
        (invalid("price", "0"), 0, None),
        (invalid("name.first", "0"), 0, None),
        (invalid("custom_fields_values.1.field_id", "0"), 0, None),
        (invalid("price", "2"), None, None),
        (invalid("price", "-1"), None, None),
        (invalid("price", None), None, None),
        (invalid("", "0"), 0, None),
    ],
)
def test_a_refused_field_is_found_in_what_was_sent(
    problem: dict[str, Any], index: int | None, value: object
) -> None:
    error = error_of(call(ITEMS), reply(400, problem))
    assert isinstance(error, ValidationError)
    assert [(one.index, one.value) for one in error.fields] == [(index, value)]


def test_only_a_400_is_about_fields() -> None:
    assert type(error_of(call(ITEMS), reply(422, invalid("price")))) is ReplyError


def test_odd_words_are_replaced_by_ours() -> None:
    error = error_of(call(), reply(404, {"title": 5, "detail": ["x"], "hint": {}}))
    assert str(error) == "PATCH /api/v4/leads returned 404 Not Found"
    assert error_of(call(), reply(499)).title == "unknown status"
    assert error_of(call(), reply(404, {"title": "Нет такого"})).title == "Нет такого"


def test_an_odd_group_does_not_hide_the_next_one() -> None:
    problem = invalid("price")
    problem["validation-errors"] = [None, *problem["validation-errors"]]
    error = error_of(call([{"price": 1}]), reply(400, problem))
    assert isinstance(error, ValidationError)
    assert [one.path for one in error.fields] == ["price"]


def test_a_response_without_a_content_type() -> None:
    assert decode(Reply(200, {}, b"{}")) == {}
    assert str(error_of(call(), Reply(502, {}, b"x"))).endswith("502 Bad Gateway")


def test_an_unexpected_response_says_what_and_where() -> None:
    error = unexpected_response("GET", "/p", "no id", status=201, request_id="r", hint="do")
    assert str(error) == "GET /p returned 201 with no id (do) [request r]"
    assert (error.method, error.path, error.status, error.title) == ("GET", "/p", 201, "Created")


def test_a_response_that_cannot_be_read_is_unexpected() -> None:
    error = unexpected(call(), reply(200, b"", **{"X-Request-Id": "r-1"}), "nothing")
    assert (error.method, error.path, error.status) == ("PATCH", "/api/v4/leads", 200)
    assert (error.title, error.request_id) == ("OK", "r-1")


def test_a_refused_field_of_one_object_has_no_index() -> None:
    error = error_of(call({"price": []}), reply(400, invalid("price")))
    assert isinstance(error, ValidationError)
    assert error.fields == (
        InvalidField(None, "0", "price", "InvalidType", "Wrong.", [], is_sent=True),
    )
    assert 'price has the wrong type, got list of length 0 (amoCRM: "Wrong", Inv' in str(error)


def test_our_own_request_id_comes_before_the_index() -> None:
    sent = [{"request_id": "1", "n": "first"}, {"request_id": "0", "n": "second"}]
    error = error_of(call(sent), reply(400, invalid("n", "0")))
    assert isinstance(error, ValidationError)
    assert error.fields[0].value == "second"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"), (True, "true"), (False, "false"), (5, "5"), (1.5, "1.5"),
        ("+79161234567", "str of length 12"), ([1, 2], "list of length 2"), ({"a": 1}, "dict"),
    ],
)  # fmt: skip
def test_a_message_describes_a_value_without_showing_a_person_s_data(
    value: object, shown: str
) -> None:
    error = error_of(call([{"x": value}]), reply(400, invalid("x")))
    assert f'item 0: x has the wrong type, got {shown} (amoCRM: "Wrong", InvalidType)' in str(error)
    assert "7916" not in repr(error)


@pytest.mark.parametrize(("count", "tail"), [(3, ""), (4, "; and 1 more"), (9, "; and 6 more")])
def test_a_message_lists_three_fields(count: int, tail: str) -> None:
    problem = invalid("x")
    problem["validation-errors"][0]["errors"] *= count
    message = str(error_of(call([{}]), reply(400, problem)))
    assert message.count("InvalidType") == 3
    assert message.endswith(tail or "InvalidType)")


@pytest.mark.parametrize(
    "odd",
    [
        None, "text", 5, [], {}, [None], ["x"], [{"errors": None}], [{"errors": [None, "x"]}],
        [{"request_id": "0"}],
    ],
)  # fmt: skip
def test_odd_validation_errors_are_no_trouble(odd: object) -> None:
    error = error_of(call([{}]), reply(400, {"validation-errors": odd, "detail": "No"}))
    assert type(error) is ReplyError
    assert "No" in str(error)


def test_half_described_errors_are_shown_as_far_as_they_go() -> None:
    problem = {"validation-errors": [{"request_id": "0", "errors": [{"code": "NotNull"}]}]}
    error = error_of(call([{}]), reply(400, problem))
    assert isinstance(error, ValidationError)
    assert error.fields[0] == InvalidField(0, "0", "", "NotNull", "", None)
    assert str(error).endswith("Bad Request: item 0 must not be null (amoCRM: NotNull)")


@pytest.mark.parametrize(
    ("code", "detail", "rule"),
    [
        ("InvalidType", "This value should be of type int.", "x must be int, got str of length 2"),
        ("InvalidType", "This value should be of type array|null.", "x must be array|null, got "),
        ("InvalidType", "Неверный тип.", "x has the wrong type, got str of length 2"),
        ("NotNullable", "This value should not be null.", "x must not be null, got str"),
        ("NotBlank", "", "x must not be blank, got str"),
        ("NotSupportedChoice", "", "x is not an allowed value, got str"),
        ("FieldNotExpected", "", "x is not an accepted field, got str"),
        ("TooLong", "of type int", "x is too long, got str"),
        ("Novel", "", "x was refused, got str"),
        ("244", "Nope", "x was refused, got str"),
    ],
)
def test_a_message_says_first_what_is_wrong_then_what_amocrm_says(
    code: str, detail: str, rule: str
) -> None:
    problem = invalid("x")
    problem["validation-errors"][0]["errors"][0] |= {"code": code, "detail": detail}
    message = str(error_of(call([{"x": "ab"}]), reply(400, problem)))
    assert f"item 0: {rule}" in message
    quoted = f'"{detail.rstrip(".")}", {code})' if detail else f"{code})"
    assert f" (amoCRM: {quoted}" in message


def test_a_null_is_not_a_missing_value() -> None:
    null = error_of(call([{"x": None}]), reply(400, invalid("x")))
    missing = error_of(call([{}]), reply(400, invalid("x")))
    assert isinstance(null, ValidationError)
    assert isinstance(missing, ValidationError)
    assert "x has the wrong type, got null (amoCRM" in str(null)
    assert "x has the wrong type (amoCRM" in str(missing)
    assert (null.fields[0].value, null.fields[0].is_sent) == (None, True)
    assert (missing.fields[0].value, missing.fields[0].is_sent) == (None, False)


NOT_LOST = "Loss reason can be specified only for lost lead"


@pytest.mark.parametrize(
    ("data", "key", "index", "place"),
    [
        ({"loss_reason_id": 3}, "7001", None, "the data"),
        ([{"id": 7001, "loss_reason_id": 3}], "7001", 0, "item 0"),
        ([{"id": 1}, {"id": 0, "request_id": "r"}], "0", 1, "item 1"),
        ([{"id": 1}, {"id": 5, "request_id": "r"}], "r", 1, "item 1"),
    ],
)
def test_errors_by_the_id_of_an_item_are_fields(
    data: Any, key: str, index: int | None, place: str
) -> None:
    problem = {"errors": {key: NOT_LOST}, "title": "Bad Request", "detail": "Invalid request body"}
    error = error_of(call(data), reply(400, problem))
    assert isinstance(error, ValidationError)
    assert error.fields == (InvalidField(index, key, "", "", NOT_LOST),)
    assert str(error).endswith(f'400 Bad Request: {place} was refused (amoCRM: "{NOT_LOST}")')


def test_an_index_is_not_taken_for_an_id() -> None:
    error = error_of(call([{"id": 1}, {"id": 0}]), reply(400, invalid("id", "0")))
    assert isinstance(error, ValidationError)
    assert error.fields[0].index == 0


def test_a_call_of_an_unknown_phone_says_what_to_do() -> None:
    entry = {"status": 263, "title": "Entity not found", "detail": "Not found", "request_id": "1"}
    calls = [{"phone": "+7900"}, {"phone": "+79001234567"}]
    error = error_of(call(calls), reply(400, {"_total_items": 0, "errors": [entry]}))
    assert isinstance(error, ValidationError)
    (field,) = error.fields
    assert (field.index, field.path, field.code, field.value) == (1, "phone", "263", "+79001234567")
    assert str(error).endswith(
        "400 Bad Request: item 1: phone belongs to no contact or company, got str of length 12 "
        '(amoCRM: "Not found", 263) (amoCRM\'s code 263: no contact or company has this phone '
        "number: create one with it, for instance with crm.contacts.find_or_create, and send the "
        "call again)"
    )


@pytest.mark.parametrize(
    "odd", [[], {}, None, "text", [None], ["x"], {"7": None}, {"7": [1, ""]}, {"7": {"a": "b"}}]
)
def test_odd_errors_are_no_trouble(odd: object) -> None:
    error = error_of(call([{}]), reply(400, {"errors": odd, "detail": "No"}))
    assert type(error) is ReplyError
    assert str(error).endswith("returned 400 Bad Request: No")


@pytest.mark.parametrize(
    ("status", "body", "hint"),
    [
        (400, {"error_code": 244}, "amoCRM's code 244: the user has no right to add this, or the"),
        (400, {"response": {"error_code": "244"}}, "amoCRM's code 244"),
        (403, {"code": 288}, "amoCRM's code 288: the user has no right to customers"),
        (401, {"status": 110}, "amoCRM's code 110: the login or the password is wrong"),
        (401, {"status": 110, "hint": "Theirs"}, "Theirs"),
        (402, {"status": 402}, "pay for the account"),
        (403, {"status": 403}, "check the rights"),
        (405, {"code": 999}, "this path does not support this method"),
        (405, {"code": True, "error_code": "9" * 5000}, "this path does not support this method"),
    ],
)
def test_a_numeric_code_is_explained(status: int, body: object, hint: str) -> None:
    assert str(error_of(call(), reply(status, body)).hint).startswith(hint)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/leads", "use /api/v4/leads"),
        ("/contacts/7/notes", "use /api/v4/contacts/7/notes"),
        ("/v4/leads", "use /api/v4/leads"),
        ("/api/v4/leads", None),
        ("/leadss", None),
        ("/", None),
        ("/private/leads", None),
    ],
)
def test_a_path_without_its_prefix_is_completed(path: str, hint: str | None) -> None:
    short = Call("GET", f"https://h{path}", path, {})
    assert error_of(short, reply(404, {"title": "Not Found"})).hint == hint
    page = unexpected(short, reply(200, b"<html>", "text/html"), "text/html instead of JSON")
    assert page.hint == hint


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [
        ({"retry_after": 300}, {}, 300),
        ({"retry_after": "2.5"}, {}, 2.5),
        ({"retry_after": 0}, {}, 0),
        ({"retry_after": 5}, {"Retry-After": "9"}, 5),
        ({"retry_after": "soon"}, {"Retry-After": "9"}, 9),
        ({"retry_after": True}, {}, None),
        ({"retry_after": -1}, {}, None),
        ({"retry_after": [1]}, {}, None),
        ({}, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        (b"Too many", {"Retry-After": "4"}, 4),
        ({}, {"Retry-After": "nan"}, None),
        ({"retry_after": 9_999_999}, {}, 9_999_999),
        ({"retry_after": 10_000_000}, {}, None),
    ],
)
def test_how_long_to_wait_after_a_429(
    body: object, headers: dict[str, str], seconds: float | None
) -> None:
    error = error_of(call(), reply(429, body, **headers))
    assert isinstance(error, RateLimitedError)
    assert error.retry_after == seconds
    assert error.retryable


@pytest.mark.parametrize(
    ("media", "body", "data"),
    [
        ("application/json", b'{"a": 1}', {"a": 1}),
        ("application/hal+json; charset=utf-8", '"Имя"'.encode(), "Имя"),
        ("Application/JSON", b"[]", []),
        ("", b"{}", {}),
        ("text/html", b"", None),
        ("application/json", b"", None),
    ],
)
def test_json_is_read_by_its_content_type(media: str, body: bytes, data: object) -> None:
    assert decode(reply(200, body, media)) == data


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (reply(200, b'{"a": ', "application/json"), "broken JSON of 6 bytes"),
        (reply(200, b"\xff{}", "application/json"), "broken JSON"),
        (reply(200, b"[" * 100_000, "application/json"), "broken JSON"),
        (reply(200, b"{}", "text/html"), "text/html instead of JSON"),
        (reply(200, b"{}", "application/jsonp"), "application/jsonp instead of JSON"),
        (Reply(200, {}, b"", oversize=True), "too large"),
    ],
)
def test_what_is_not_json_is_named(answer: Reply, complaint: str) -> None:
    with pytest.raises(NotJSONError, match=complaint):
        decode(answer)


@pytest.mark.parametrize(("length", "cut"), [(160, False), (161, True)])
def test_an_excerpt_is_short(length: int, cut: bool) -> None:
    shown = excerpt(("я" * length).encode())
    assert shown == repr("я" * 160 + ("..." if cut else ""))


def test_an_excerpt_stays_on_one_line() -> None:
    assert excerpt(b"a\r\n\x1b[31mb\xff<script>x<y</script><b>c") == "'a [31mb\ufffd c'"


def tree(root: type[AmoCRMError]) -> list[type[AmoCRMError]]:
    return [root, *(kind for child in root.__subclasses__() for kind in tree(child))]


def test_every_error_survives_pickling() -> None:
    problem = invalid("price", "1")
    whole = [error_of(call(ITEMS), reply(status, problem)) for status in (400, 401, 404, 429, 500)]
    plain = [
        kind("what", hint="do")
        for kind in tree(AmoCRMError)
        if not issubclass(kind, (ReplyError, amocrm.GrantError, amocrm.OutcomeUnknownError))
    ]
    refusal = amocrm.GrantError("no", status=401, reason="Token has been revoked")
    unknown = amocrm.OutcomeUnknownError("?", method="POST", path="/p", data=ITEMS, status=502)
    for error in (*whole, *plain, refusal, unknown):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)


def test_every_error_is_exported_and_named_for_what_it_is() -> None:
    for kind in tree(AmoCRMError):
        assert getattr(amocrm, kind.__name__) is kind
        assert kind.__name__ in amocrm.__all__
        assert kind.__name__.endswith("Error")


SECRET = Call("GET", "https://h/download/secret", "/download/...", {})


def test_the_address_of_a_file_is_not_told() -> None:
    cannot = {"detail": "Cannot GET https://h/download/secret"}
    assert "secret" not in str(error_of(SECRET, reply(404, cannot)))
    assert "secret" not in str(error_of(SECRET, reply(502, b"no /download/secret", "text/html")))
    assert "Session not found" in str(error_of(SECRET, reply(404, {"detail": "Session not found"})))
    assert "Cannot GET" in str(error_of(call(), reply(404, cannot)))
    assert "secret" in str(error_of(call(), reply(502, b"no /download/secret", "text/html")))


def test_what_the_transport_says_of_a_file_is_not_kept() -> None:
    cause = OSError("no https://h/download/secret")
    for sent in (True, False):
        lost = NoReply(sent, "nobody answers", None, cause)
        assert transport_error(SECRET, lost).__cause__ is None
        assert transport_error(call(), lost).__cause__ is cause
