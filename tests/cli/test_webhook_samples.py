"""Every body that `amocrm webhooks trigger` posts is read as its code, and passes the receiver."""

from __future__ import annotations

import time

import pytest

from amocrm import ConfigurationError
from amocrm.cli.webhooks.samples import BY_KIND, SampleAccount, make_sample
from amocrm.webhooks import MemoryInbox, Receiver, parse
from amocrm.webhooks.addresses import path_of
from amocrm.webhooks.event import Kind

NOW = 1_800_000_000
KEY = "k" * 32
SENDER = SampleAccount(7, "shop.amocrm.ru", "client", "client-secret", "channel-secret")
ALL = [(kind, code) for kind, codes in BY_KIND.items() for code in codes]


@pytest.mark.parametrize(("kind", "code"), ALL)
def test_each_code(kind: Kind, code: str) -> None:
    made = make_sample(code, SENDER, NOW, kind=kind, number=42)
    assert made.kind == kind
    body = made.query.encode() if made.method == "GET" else made.body
    (event,) = parse(body, made.headers.get("Content-Type", ""), kind=kind).events
    assert event.code == code
    assert event.entity == BY_KIND[kind][code].entity or kind in ("bot", "pipeline_widget")
    if kind != "chat":
        assert event.account_id == 7
    # Nobody knows the time of a removal and of a bot; and some items of the wire have none.
    assert event.happened_at in (NOW, None)


@pytest.mark.parametrize(("kind", "code"), ALL)
def test_each_passes_the_receiver(kind: Kind, code: str) -> None:
    inbox = MemoryInbox()
    receiver = Receiver(
        inbox, key=KEY, url="https://h.example", client_id="client",
        client_secret="client-secret", channels={"channel": "channel-secret"},
    )  # fmt: skip

    made = make_sample(code, SENDER, int(time.time()), kind=kind)
    path = path_of(KEY, kind, 7 if kind in ("account", "pipeline") else None)
    path = path.replace(":scope_id", "channel_account")
    answer = receiver.receive(
        made.method, path, query=made.query, headers=made.headers, body=made.body
    )
    assert answer.status == 200
    assert inbox.counts().undone == 1


def test_changes_and_ids() -> None:
    made = make_sample("status_lead", SENDER, NOW, number=42, changes={"status_id": 143})
    (event,) = parse(made.body, made.headers["Content-Type"]).events
    assert (event.id, event.item["status_id"], event.previous["status_id"]) == (42, "143", 101)


def test_what_signs_it_is_needed() -> None:
    with pytest.raises(ConfigurationError, match="AMOCRM_CLIENT_SECRET"):
        make_sample("widget_request", SampleAccount(), NOW)
    with pytest.raises(ConfigurationError, match="AMOCRM_CHANNEL_SECRET"):
        make_sample("chat_message", SampleAccount(), NOW)
    with pytest.raises(ConfigurationError, match="did you mean"):
        make_sample("lead_status", SampleAccount(), NOW)
    with pytest.raises(ConfigurationError, match="install"):
        make_sample("install", SampleAccount(), NOW)
