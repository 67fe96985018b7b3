"""Processor time of one small GET on a warm connection: this client against bare `requests`.

    python benchmarks/call_overhead.py [--rounds 9] [--calls 300]

Needs cheroot; with trustme the same is measured over TLS as well. Only the client's process is
counted; see served.py for the server. The ways take turns, `--calls` calls each, so that a machine
that slows down slows all of them; a ratio is the median over the rounds' ratios.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median

import requests
from served import issue, neutral_environment, served
from table import show

from amocrm import AmoCRM, AuthSettings, LocalRateLimiter, RateLimiter

PATH = "/api/v4/account"
TOKEN = {"access_token": "a" * 900, "refresh_token": "r" * 900, "expires_at": 4_102_444_800}
AUTH: AuthSettings = {
    "client_id": "benchmark", "client_secret": "secret", "redirect_uri": "https://example.com/",
}  # fmt: skip
WARM_UP = 20

ApiContext = Callable[[], object]


def ways(origin: str) -> dict[str, ApiContext]:
    """Name the ways to make the call; the first is what the others are compared with."""
    headers = {"Authorization": f"Bearer {TOKEN['access_token']}", "Accept": "application/json"}
    url, bare, floor = origin + PATH, requests.Session(), requests.Session()
    prepared = floor.prepare_request(requests.Request("GET", url, headers=headers))
    kept = floor.merge_environment_settings(url, {}, None, None, None)

    def client(rate_limiter: RateLimiter | None) -> AmoCRM:
        crm = AmoCRM("example", AUTH, rate_limiter=rate_limiter, base_url=origin)
        crm.connection.set_token(TOKEN)
        return crm

    # The fastest limiter there is, one for each way: it does all its work, and no call waits.
    paced, account, leads = (client(LocalRateLimiter(1000)) for _ in range(3))
    unpaced = client(None)

    return {
        "`Session.get(url, params, headers, timeout).json()`": lambda: bare.get(
            url, params=None, headers=headers, timeout=(5, 20)
        ).json(),
        "`crm.request.get(path).data`": lambda: paced.request.get(PATH).data,
        "`crm.account.get()`": account.account.get,
        '`crm.leads.get(1, with_=["contacts"])`': lambda: leads.leads.get(1, with_=["contacts"]),
        "`crm.request.get(path).data` with `rate_limiter=None`": lambda: (
            unpaced.request.get(PATH).data
        ),
        "floor: `Session.send` of one prepared request": lambda: floor.send(
            prepared, timeout=(5, 20), allow_redirects=False, **kept
        ).json(),
    }


def measure(origin: str, rounds: int, calls: int) -> dict[str, tuple[float, float]]:
    """Return microseconds of this process per call, and the ratio to the first way, by way."""
    candidates = ways(origin)
    spent: dict[str, list[float]] = {name: [] for name in candidates}
    for way in candidates.values():
        for _ in range(WARM_UP):
            way()
    for _ in range(rounds):
        for name, way in candidates.items():
            started = time.process_time()
            for _ in range(calls):
                way()
            spent[name].append((time.process_time() - started) / calls * 1e6)
    first = next(iter(spent.values()))
    ratios = {
        name: median(ours / theirs for ours, theirs in zip(each, first, strict=True))
        for name, each in spent.items()
    }
    return {name: (median(each), ratios[name]) for name, each in spent.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=300, help="of each way in a round")
    options = parser.parse_args()
    if find_spec("cheroot") is None:
        print("nothing measured: cheroot is not installed")
        return
    neutral_environment()
    with served() as origin:
        plain = measure(origin, options.rounds, options.calls)
    secure: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        if (certificate := issue(folder)) is not None:
            with served(certificate) as origin:
                secure = measure(origin, options.rounds, options.calls)
    rows = []
    for name, (micros, ratio) in plain.items():
        tls = [f"{secure[name][0]:.0f}", f"{secure[name][1]:.2f}"] if secure else ["no trustme", ""]
        rows.append([name, f"{micros:.0f}", f"{ratio:.2f}", *tls])
    head = ["way", "plain, µs", "ratio", "TLS, µs", "ratio"]
    show("Processor time of a GET on a warm connection (target: ratio of at most 0.80)", head, rows)


if __name__ == "__main__":
    main()
