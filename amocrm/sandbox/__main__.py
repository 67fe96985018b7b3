"""`python -m amocrm.sandbox`: the portal on a port, until interrupted."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import FrameType
from urllib.parse import urlencode

from amocrm.api_limits import ACCESS_TOKEN_SECONDS, REQUESTS_PER_SECOND
from amocrm.sandbox.http.server import Served
from amocrm.sandbox.portal import Sandbox
from amocrm.sandbox.schema.document import SchemaError


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        portal = Sandbox(
            options.accounts,
            rps="default" if options.rps is None else options.rps if options.rps > 0 else None,
            refresh_mode=options.refresh_mode,
            seed=options.seed,
            redirect_uri=options.redirect_uri,
            token_lifetime=options.token_lifetime,
            schema=options.schema,
        )
    except SchemaError as error:
        print(error, file=sys.stderr)
        return 1
    for name in options.accounts if options.shop else ():
        portal.add_shop(name)
    try:
        for name in options.accounts if options.populate else ():
            portal.populate(options.populate, 7 if options.seed is None else options.seed, name)
    except ImportError as error:
        print(error, file=sys.stderr)
        return 1

    def ready(served: Served) -> None:
        lines = (f"{name + ':':<16}{value}" for name, value in details(portal, served).items())
        print("\n".join(lines), flush=True)

    tls = tuple(options.tls) if options.tls else None
    try:
        run(
            portal, options.host, options.port, ready, tls=tls, hosts=options.allow_host,
            control=True if options.i_know else None,
        )  # fmt: skip
    except (OSError, OverflowError) as error:
        reason = str(error).replace("\n", " ")
        print(f"cannot serve on {options.host}:{options.port}: {reason}", file=sys.stderr)
        return 1
    return 0


def run(
    portal: Sandbox,
    host: str,
    port: int,
    ready: Callable[[Served], object],
    *,
    tls: tuple[str, str] | None = None,
    hosts: Sequence[str] = (),
    control: bool | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; call `ready` once it listens.

    `control=True` serves `/_sandbox/` to everybody who reaches the port.

    Raises:
        OSError: it cannot listen there.
    """
    stops = _stops_by_signals()
    with portal.serve(host, port, tls=tls, hosts=hosts, control=control) as served:
        ready(served)
        while True:
            # In short waits, because a signal that comes as a wait begins does not end it.
            with suppress(Empty):
                stops.get(timeout=0.2)
                return


def _stops_by_signals() -> SimpleQueue[int]:
    """Return what SIGINT and SIGTERM put their numbers into.

    A signal may come while a lock is held, of an event for instance; this queue needs none.
    """
    stops = SimpleQueue[int]()

    def interrupt(number: int, frame: FrameType | None) -> None:
        stops.put(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    return stops


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m amocrm.sandbox", description="A strict local amoCRM / Kommo portal."
    )
    add = parser.add_argument
    add("--port", type=int, default=8080, help="0 takes a free one (default: 8080)")
    add("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    add("--tls", nargs=2, metavar=("CERT", "KEY"), help="serve HTTPS with these PEM files")
    add("--accounts", nargs="+", default=["example"], metavar="NAME", help="subdomains")
    add("--schema", metavar="FILE", help="what the first account has: stages, fields, users")
    add("--shop", action="store_true", help="fill each account with the data of a small shop")
    add(
        "--populate", type=_count, metavar="N",
        help="fill each account with N plausible leads of a year (needs the extra testing)",
    )  # fmt: skip
    add(
        "--i-know", action="store_true",
        help="with a --host that others reach: let them do everything through /_sandbox/",
    )  # fmt: skip
    add(
        "--token-lifetime", type=_seconds, default=ACCESS_TOKEN_SECONDS, metavar="SECONDS",
        help="how long an access token of a pair lives (default: 86400)",
    )  # fmt: skip
    add(
        "--rps", type=int,
        help=f"requests a second; 0: no limit (default: the schema's, or {REQUESTS_PER_SECOND})",
    )  # fmt: skip
    add("--seed", type=int, help="makes ids and secrets the same each time (default: random)")
    add(
        "--allow-host", nargs="+", default=[], metavar="NAME",
        help="names that clients call it by, besides localhost, addresses and amoCRM's",
    )  # fmt: skip
    add("--refresh-mode", choices=("strict", "grace"), default="strict")
    add("--redirect-uri", default="http://127.0.0.1:3000/", help="of the integration")
    return parser


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:9]) <= 100_000):
        raise argparse.ArgumentTypeError(f"must be from 1 to 100000, not {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 1 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"must be at least 1 second, not {text!r}")
    return seconds


def details(portal: Sandbox, served: Served) -> dict[str, str]:
    """Return what a client needs, by name."""
    # The secrets of a sandbox are meant to be copied; they open nothing else.
    one, channel = portal.integration, portal.add_channel()
    query = urlencode({"client_id": one.client_id, "state": "demo", "mode": "popup"})
    return {
        "address": served.url,
        **({"page": served.page} if served.page else {}),
        "accounts": ", ".join(account.host for account in portal.accounts),
        "client_id": one.client_id,
        "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri,
        "code": portal.issue_code(),
        "access_token": portal.issue_long_lived(),
        "channel_id": channel.id,
        "channel_secret": channel.secret,
        "consent": f"{served.url}/oauth?{query}",
    }


if __name__ == "__main__":
    sys.exit(main())
