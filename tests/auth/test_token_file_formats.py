"""Token files that other libraries wrote."""

from __future__ import annotations

import json

import pytest

from amocrm import ConfigurationError
from amocrm.auth.token_file_formats import read_file, read_pair


def test_a_mark_at_the_beginning_of_the_file_is_no_matter() -> None:
    content = b"\xef\xbb\xbf" + json.dumps({"access_token": "a", "refresh_token": "r"}).encode()
    assert read_file(content).token.refresh_token == "r"


def test_what_the_file_says_of_the_integration_goes_before_the_token() -> None:
    content = {"client_id": "c", "account": "old.amocrm.ru", "host": "new.amocrm.ru",
               "token": {"access_token": "a.eyJhdWQiOiJ0aGVpcnMifQ.s"}}  # fmt: skip
    found = read_file(json.dumps(content).encode())
    assert (found.client_id, found.account) == ("c", "new.amocrm.ru")
    del content["client_id"]
    assert read_file(json.dumps(content).encode()).client_id == "theirs"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is"),
        (b"<?php", "the file is"),
        (b"[]", "no JSON object"),
        (b"{}", "no access_token"),
        (b'{"accessToken": "a b"}', "access_token must have ASCII"),
        (b'{"accessToken": 5}', "no access_token"),
        (
            b'{"accessToken": "a", "refreshToken": "r", "baseDomain": "evil.example"}',
            "evil.example",
        ),
        (b'{"accessToken": "a", "refreshToken": "r", "expires": "soon"}', "expires_at"),
        (b'{"token": {"refresh_token": "r"}}', "no access_token"),
    ],
)
def test_what_is_no_token_file_is_told(content: bytes, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        read_file(content)


@pytest.mark.parametrize(("access", "refresh"), [(b"", b"r"), (b"a", b""), (b"a b", b"r")])
def test_a_pair_of_files_has_to_hold_a_pair(access: bytes, refresh: bytes) -> None:
    with pytest.raises(ConfigurationError):
        read_pair(access, refresh)


def test_a_line_break_at_the_end_is_no_part_of_a_token() -> None:
    assert read_pair(b"a\n", b"r\r\n").token.as_dict() == {
        "access_token": "a",
        "refresh_token": "r",
    }
