"""Webhooks: what reading one costs.

    python benchmarks/webhooks.py parse [--rounds 9]

`parse`: processor time of `parse` against `urllib.parse.parse_qsl` of the same body, which splits
and decodes it and makes nothing of it; and of hostile bodies of about 1 MB until they are refused.
The ways take turns, so that a machine that slows down slows all of them; a ratio is the median over
the rounds' ratios, and the time of a refusal the median over the rounds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from statistics import median
from urllib.parse import parse_qsl, urlencode

from table import show

from amocrm import WebhookError
from amocrm.webhooks import parse
from amocrm.webhooks.parsing.php_form import MAX_BODY, MAX_DEPTH, MAX_FIELDS, MAX_KEY

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
BYTES = 300_000
"""Read in one round of a body, so that a round is longer than the clock's steps."""

DELETED = [(f"leads[delete][0][{name}]", "70012345") for name in ("id", "status_id", "pipeline_id")]
ACCOUNT = [
    ("account[subdomain]", "test"), ("account[id]", "12345678"),
    ("account[_links][self]", "https://test.amocrm.ru"),
]  # fmt: skip

Part = Callable[[argparse.Namespace], None]


def lead(number: int, fields: int) -> list[tuple[str, str]]:
    """Return the fields of one lead with so many custom fields, as a webhook has them."""
    path = f"leads[update][{number}]"
    names = (
        "id", "status_id", "old_status_id", "price", "responsible_user_id", "last_modified",
        "modified_user_id", "created_user_id", "date_create", "pipeline_id", "account_id",
        "created_at", "updated_at",
    )  # fmt: skip
    found = [(f"{path}[{name}]", "1700000000") for name in names]
    found.append((f"{path}[name]", "Заявка с сайта №5"))
    for index in range(fields):
        field = f"{path}[custom_fields][{index}]"
        found += [
            (f"{field}[id]", "902133"), (f"{field}[name]", "Источник обращения"),
            (f"{field}[values][0][value]", "Повторная продажа"),
            (f"{field}[values][0][enum]", "1234567"),
        ]  # fmt: skip
    return found


def webhook(leads: int, fields: int) -> bytes:
    """Return the body of a webhook with some leads."""
    account = [("account[subdomain]", "test"), ("account[id]", "1"),
               ("account[_links][self]", "https://test.amocrm.ru")]  # fmt: skip
    return urlencode(
        [pair for one in range(leads) for pair in lead(one, fields)] + account
    ).encode()


BODIES: Mapping[str, bytes] = {
    "a deletion": urlencode(DELETED + ACCOUNT).encode(),
    "1 lead without custom fields": webhook(1, 0),
    "1 lead with 20": webhook(1, 20),
    "1 lead with 60": webhook(1, 60),
    "30 leads with 20": webhook(30, 20),
    "1 MB of text": b"message[add][0][text]=" + b"%D0%9F%D1%80%D0%B8+" * (MAX_BODY // 26),
}

HOSTILE: Mapping[str, bytes] = {
    "too large": b"a" * (MAX_BODY + 1),
    "too many fields": b"a=1&" * (MAX_BODY // 4),
    "one field too many": b"&".join([b"leads[add][0][a]=" + b"x" * 85] * (MAX_FIELDS + 1)),
    "a key too long, at the end": b"a=1&" * 9_990 + b"k" * (MAX_KEY + 1),
    "too deep, at the end": b"&".join([b"a[x][y]=" + b"%D0%9F" * 15] * 9_990) + b"&a"
    + b"[x]" * MAX_DEPTH,
    "too many arrays": b"&".join(
        b"a%d%s=%s" % (number, b"[x]" * 15, b"x" * 45) for number in range(9_990)
    ),
    "appended arrays": b"&".join([b"a" + b"[]" * 15 + b"x" * 65] * 9_990),
    "broken JSON": b'{"a":"' + b"\\u1234" * 170_000,
    "JSON in windows-1251, broken": b'{"a":"' + b"\xcf" * 1_000_000,
    "JSON of too many values": b"[" + b"1," * 500_000 + b"1]",
    "JSON too deep": b"[" * 500_000 + b"]" * 500_000,
    "JSON lists too deep": b"[" + (b"[" * 900 + b"]" * 900 + b",") * 580 + b"1]",
    "JSON with too many arrays": b"{"
    + b",".join(b'"%s%d[x][x][x]":1' % (b"k" * 80, number) for number in range(9_900))
    + b"}",
}  # fmt: skip


def cost(call: Callable[[], object], times: int) -> float:
    """Return the seconds of processor time of one call."""
    begin = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - begin) / times


def refusal(body: bytes) -> None:
    """Read a body that must be refused."""
    try:
        parse(body, JSON if body[:1] in (b"{", b"[") else FORM)
    except WebhookError:
        return
    raise AssertionError("a hostile body was read")


def parsing(options: argparse.Namespace) -> None:
    """Measure reading, and refusing."""
    rows = []
    for name, body in BODIES.items():
        text, times, rounds = body.decode(), max(1, BYTES // len(body)), []
        for _ in range(options.rounds):
            split = cost(lambda: parse_qsl(text, keep_blank_values=True), times)  # noqa: B023
            rounds.append((split, cost(lambda: parse(body, FORM), times)))  # noqa: B023
        split, ours = (median(one[way] for one in rounds) for way in (0, 1))
        ratio = median(ours / split for split, ours in rounds)
        rows.append([
            name, f"{len(body):,}", f"{body.count(b'&') + 1:,}", f"{split * 1e6:,.0f}",
            f"{ours * 1e6:,.0f}", f"{ratio:.2f}",
        ])  # fmt: skip
    head = ["body", "bytes", "fields", "`parse_qsl`, µs", "`parse`, µs", "ratio"]
    show("Reading a webhook (target: 3 × `parse_qsl`)", head, rows)
    rows = []
    for name, body in HOSTILE.items():
        taken = median(cost(lambda: refusal(body), 1) for _ in range(options.rounds))  # noqa: B023
        rows.append([name, f"{len(body):,}", f"{taken * 1e3:.1f}"])
    print()
    show("Refusing a hostile body (target: 20 ms)", ["body", "bytes", "ms"], rows)


PARTS: Mapping[str, Part] = {"parse": parsing}
"""Each is measured by a run of its own."""


def main() -> None:
    """Measure one part and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    PARTS[options.part](options)


if __name__ == "__main__":
    main()
