"""Token files of other libraries."""

from __future__ import annotations

import json

import pytest

from amocrm import ConfigurationError
from amocrm.auth.token_file_formats import read_file, read_pair


def test_a_byte_order_mark_is_ignored() -> None:
    content = b"\xef\xbb\xbf" + json.dumps({"access_token": "a", "refresh_token": "r"}).encode()
    assert read_file(content).token.refresh_token == "r"


def test_the_client_id_of_the_file_is_used_before_the_token_s() -> None:
    content = {"client_id": "c", "account": "old.amocrm.ru", "host": "new.amocrm.ru",
               "token": {"access_token": "a.eyJhdWQiOiJ0aGVpcnMifQ.s"}}  # fmt: skip
    imported = read_file(json.dumps(content).encode())
    assert (imported.client_id, imported.account) == ("c", "new.amocrm.ru")
    del content["client_id"]
    assert read_file(json.dumps(content).encode()).client_id == "theirs"


@pytest.mark.parametrize(
    ("content", "complaint"),
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
def test_the_error_says_why_a_file_is_not_a_token_file(content: bytes, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        read_file(content)


@pytest.mark.parametrize(("access", "refresh"), [(b"", b"r"), (b"a", b""), (b"a b", b"r")])
def test_both_files_of_a_pair_must_have_a_token(access: bytes, refresh: bytes) -> None:
    with pytest.raises(ConfigurationError):
        read_pair(access, refresh)


def test_a_line_break_at_the_end_of_a_token_is_removed() -> None:
    assert read_pair(b"a\n", b"r\r\n").token.as_dict() == {
        "access_token": "a",
        "refresh_token": "r",
    }
