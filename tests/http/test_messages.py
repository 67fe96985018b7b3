from __future__ import annotations

from amocrm.http.messages import Call, Reply, Timeout


def test_a_call_does_not_show_what_it_carries() -> None:
    call = Call(
        "POST", "https://h/p?q=SECRET", "/p", {"Authorization": "SECRET"}, b"SECRET", "SECRET"
    )
    assert repr(call) == "Call(POST /p)"


def test_a_reply_does_not_show_what_it_brought() -> None:
    assert "SECRET" not in repr(Reply(200, {"Set-Cookie": "SECRET"}, b"SECRET"))


def test_the_limits_of_a_call_are_those_the_manual_names() -> None:
    assert Timeout() == (5.0, 20.0, 60.0)
