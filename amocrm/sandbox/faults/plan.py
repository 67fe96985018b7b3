"""Fault injection: which fault, if any, the next request gets.

`FaultPlan` is chance, drawn from the sandbox's seed. An injected fault is certain: the next
matching requests get it. A fault either replaces the effect of the request (an edge server answers)
or changes the answer after the effect took place; `effect=True/False` overrides that.
"""

from __future__ import annotations

import fnmatch
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from amocrm.sandbox.http.answer import Json


@dataclass
class FaultPlan:
    """Chances between 0 and 1, and delays in seconds.

    Attributes:
        latency: seconds of a round trip, half on the way there, half on the way back.
        jitter: at most so many seconds more on the way there, evenly drawn.
        handshake: seconds that the first request of a connection arrives later, as TCP and TLS
            delay it; on a port only, and there only where connections are kept (cheroot).
        retry_after: put into the body of every 429, the rate limiter's own included; None leaves it
            out.
    """

    latency: float = 0.0
    jitter: float = 0.0
    handshake: float = 0.0
    lost_before: float = 0.0
    lost_after: float = 0.0
    server_error: float = 0.0
    too_many: float = 0.0
    retry_after: int | None = None
    half_body: float = 0.0
    html: float = 0.0
    trickle: float = 0.0
    forbidden: float = 0.0


_CHANCES = (
    "lost_before",
    "lost_after",
    "server_error",
    "too_many",
    "half_body",
    "html",
    "trickle",
    "forbidden",
)


@dataclass(frozen=True)
class Kind:
    """What a fault does by default, and the options it takes."""

    effect: bool
    options: Mapping[str, Json] = field(default_factory=dict[str, Json])


KINDS: dict[str, Kind] = {
    "lost_before": Kind(effect=False),
    "lost_after": Kind(effect=True),
    "server_error": Kind(effect=False, options={"status": 502}),
    "too_many": Kind(effect=False, options={"retry_after": None, "header": None, "text": False}),
    "half_body": Kind(effect=True),
    "html": Kind(effect=False, options={"status": 200}),
    "empty": Kind(effect=True, options={"status": 200}),
    "broken_json": Kind(effect=True),
    "wrong_type": Kind(effect=True),
    "redirect": Kind(effect=False, options={"location": "/", "status": 302}),
    "forbidden": Kind(effect=False),
    "trickle": Kind(effect=True, options={"seconds": 1.0, "pad": 3600}),
    "huge": Kind(effect=True, options={"size": 64 * 1024 * 1024}),
    "latency": Kind(effect=True, options={"seconds": 30.0}),
}
"""Every fault. `trickle` sends `pad` spaces before the body, `seconds` apart."""


@dataclass(frozen=True)
class Fault:
    """One fault with its options."""

    name: str
    effect: bool
    options: Mapping[str, Json]


@dataclass
class Injected:
    """A fault that waits for the next `times` requests that match."""

    fault: Fault
    method: str | None
    path: str | None
    times: int
    more_than: int | None

    def hits(self, method: str, path: str, body: bytes) -> bool:
        """Tell whether a request gets it."""
        if self.times <= 0 or (self.method is not None and self.method != method):
            return False
        if self.more_than is not None and items_of(body) <= self.more_than:
            return False
        if self.path is None:
            return True
        return path.startswith(self.path) or fnmatch.fnmatchcase(path, self.path)


class FaultInjector:
    """Injected faults that wait for their request, and the random generator of the others."""

    def __init__(self, faults: FaultPlan, seed: int) -> None:
        """Start with `faults`; the same seed draws the same faults."""
        self._initial, self._seed = replace(faults), seed
        self.reset()
        self.faults = faults

    def reset(self) -> None:
        """Begin again: the first chances, the first draws, and no injected fault."""
        self.faults = replace(self._initial)
        self._random = random.Random(f"faults-{self._seed}")
        self.clear()

    def clear(self) -> None:
        """Forget the injected faults that wait for their request."""
        self._injected: list[Injected] = []

    @property
    def injected(self) -> list[Injected]:
        """The injected faults that wait for their request."""
        return [replace(one) for one in self._injected]

    def inject(
        self,
        name: str,
        method: str | None,
        path: str | None,
        times: int,
        more_than: int | None,
        options: dict[str, Json],
    ) -> None:
        """Queue a certain fault; see `Sandbox.inject`."""
        fault = make_fault(name, options)
        method = None if method is None else method.upper()
        self._injected.append(Injected(fault, method, path, times, more_than))

    def choose(self, method: str, path: str, body: bytes = b"") -> Fault | None:
        """Take the fault of one request: the oldest matching injected fault, else chance."""
        for injected in self._injected:
            if injected.hits(method, path, body):
                injected.times -= 1
                self._injected = [one for one in self._injected if one.times > 0]
                return injected.fault
        return self._chance(path)

    def uplink(self) -> float:
        """Draw the seconds that the next request needs to arrive."""
        jitter = self._random.uniform(0, self.faults.jitter) if self.faults.jitter else 0.0
        return self.faults.latency / 2 + jitter

    def _chance(self, path: str) -> Fault | None:
        chances = [(name, float(getattr(self.faults, name))) for name in _CHANCES]
        if not path.startswith(("/api/", "/oauth2/")) or not any(chance for _, chance in chances):
            return None
        draw = self._random.random()
        for name, chance in chances:
            if draw < chance:
                options = {"retry_after": self.faults.retry_after} if name == "too_many" else {}
                return make_fault(name, options)
            draw -= chance
        return None


def items_of(body: bytes) -> int:
    """Count the items that a body writes: those of a list; otherwise there is one at most."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return 0
    return len(data) if isinstance(data, list) else 1


def make_fault(name: str, options: Mapping[str, Json]) -> Fault:
    """Check the name and the options of a fault.

    Raises:
        ValueError: there is no such fault, or it takes no such option.
    """
    kind = KINDS.get(name)
    if kind is None:
        raise ValueError(f"no fault is named {name!r}; the faults are {', '.join(KINDS)}")
    unknown = set(options) - set(kind.options) - {"effect"}
    if unknown:
        known = ", ".join([*kind.options, "effect"])
        raise ValueError(f"{name} takes no option {sorted(unknown)}; it takes {known}")
    settings = {**kind.options, **options}
    effect = bool(settings.pop("effect", kind.effect))
    return Fault(name, effect, settings)
