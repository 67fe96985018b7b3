"""Addresses with a secret: who may send to them, and what of them is shown."""

from __future__ import annotations

import pytest

from amocrm import ConfigurationError
from amocrm.webhooks.addresses import (
    ReceiverAddress,
    check_base,
    path_of,
    read_path,
    shown_address,
    without_secret,
)
from amocrm.webhooks.inbox.memory import MemoryInbox
from amocrm.webhooks.receiver.receiver import Receiver

KEY, OTHER = "k" * 43, "q" * 43
SECRET = path_of(KEY, "account", 12345).rpartition("/")[2]


def test_the_secret_has_192_bits_and_depends_on_key_kind_and_account() -> None:
    paths = [
        path_of(key, kind, account)
        for key in (KEY, OTHER)
        for kind in ("account", "pipeline", "pipeline_widget")
        for account in (1, 2, None)
    ]
    assert len({path.rpartition("/")[2] for path in paths}) == len(paths)
    assert len(SECRET) == 32  # Of base64: 24 bytes.


def test_what_is_shown_has_no_password_of_a_proxy() -> None:
    url = "https://me:s3cr3t@hooks.example.com/amocrm"
    receiver = Receiver(MemoryInbox(), key="k" * 43, url=url)
    address = receiver.address(7)
    assert address.startswith(url)
    assert shown_address(address) == "https://hooks.example.com/amocrm/account/7/..."
    assert "hooks.example.com/amocrm" in repr(receiver)
    assert "s3cr3t" not in repr(receiver)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (path_of(KEY, "account", 12345), ReceiverAddress("account", 12345)),
        ("/hooks/v1" + path_of(KEY, "account", 12345), ReceiverAddress("account", 12345)),
        (path_of(KEY, "account", 12345) + "/", ReceiverAddress("account", 12345)),
        (path_of(KEY, "pipeline", 7), ReceiverAddress("pipeline", 7)),
        (path_of(KEY, "pipeline_widget"), ReceiverAddress("pipeline_widget")),
        (path_of(OTHER, "account", 12345), ReceiverAddress("account", 12345)),
        ("/amocrm/bot", ReceiverAddress("bot")),
        ("/uninstall", ReceiverAddress("uninstall")),
        ("/chat/abc_def", ReceiverAddress("chat", scope_id="abc_def")),
        ("/account/12345/" + "a" * 32, None),
        ("/account/12346/" + SECRET, None),
        ("/pipeline/12345/" + SECRET, None),
        ("/account/12345/" + SECRET.upper(), None),
        ("/account/12345/" + SECRET[:-1], None),
        ("/account/12345/", None),
        ("/account/012345/" + SECRET, None),
        ("/account/١٢٣٤٥/" + SECRET, None),
        ("/account/12345/\udcff", None),
        ("/install", None),
        ("/", None),
        ("", None),
    ],
)
def test_a_path_is_read_from_its_end(path: str, place: ReceiverAddress | None) -> None:
    assert read_path([KEY, OTHER], path) == place


def test_what_is_shown_has_no_secret() -> None:
    place = read_path([KEY], path_of(KEY, "account", 12345))
    assert place is not None
    assert place.shown == "/account/12345"
    assert ReceiverAddress("pipeline_widget").shown == "/pipeline_widget/any"
    assert ReceiverAddress("chat", scope_id="a_b").shown == "/chat/a_b"
    assert ReceiverAddress("bot").shown == "/bot"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://a.example/x/account/12345/" + SECRET, "https://a.example/x/account/12345"),
        (
            "https://a.example/pipeline_widget/any/" + SECRET,
            "https://a.example/pipeline_widget/any",
        ),
        ("https://a.example/hooks/one", None),
        ("https://a.example/account/12345/short", None),
        ("https://a.example/account/name/" + SECRET, None),
        ("https://a.example/subaccount/12345/" + SECRET, None),
    ],
)
def test_only_our_own_addresses_are_recognized(url: str, place: str | None) -> None:
    assert without_secret(url) == place


@pytest.mark.parametrize(
    "url",
    [
        "https://пример.рф/amocrm",
        "example.com",
        "ftp://a.example",
        "https://a.example/?a=1",
        None,
        5,
    ],
)
def test_an_address_that_amocrm_cannot_reach_is_refused(url: object) -> None:
    with pytest.raises(ConfigurationError):
        check_base(url)
