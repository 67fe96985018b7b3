"""A rate limiter for many hosts: the windows in Redis, by the server's own clock.

The script (see `redis_script`) does what `window` does, and is tested by the same tests. Each of
its calls is one round trip for all budgets of a call, and returns a time to sleep, so hosts need no
common clock. All keys have one hash tag, so a cluster keeps them together; all expire.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from amocrm._support.clock import Clock
from amocrm.errors import ConfigurationError, RateLimiterError
from amocrm.rate_limit.base import BaseRateLimiter, account_number, blocked_budget
from amocrm.rate_limit.budget import Budget
from amocrm.rate_limit.learning import NOTHING_KNOWN, Counting, Knowledge, after_refusal, free
from amocrm.rate_limit.redis_script import SCRIPT, write_knowledge
from amocrm.rate_limit.window import NOT_RESERVED, Action, Numbers, Turn, slots_for

if TYPE_CHECKING:
    from redis import Redis

HOSTS_MARGIN: Final = 0.02
"""Seconds that are left at least: ways from several hosts to the server differ in length."""

TIMEOUT: Final = 5.0
"""Seconds to wait for Redis, when this module makes the client."""

CONNECTIONS: Final = 16
"""Connections to Redis, when this module makes the client. Hundreds of threads may share them: each
needs one for less than a millisecond. By default redis-py refuses the 101st thread."""


class RedisRateLimiter(BaseRateLimiter):
    """A rate limit for all hosts that share a Redis and a name.

    The hosts should be about equally far from amoCRM: of a difference up to 20 ms is taken care.

    Args:
        client: a `redis.Redis`, or its URL, such as `redis://localhost:6379/0`.
        name: of the rate limiter.
        rate: calls in a second of all who share it, whatever the account. None counts each call as
            its platform does: per integration and account, per account, or per address.

    Raises:
        ConfigurationError: redis is not installed, or an argument is wrong.
    """

    def __init__(
        self, client: Redis | str, name: str = "amocrm", rate: float | None = None
    ) -> None:
        super().__init__(rate)
        try:
            import redis
        except ImportError as error:
            raise ConfigurationError(
                "RedisRateLimiter needs redis", hint="pip install 'amocrm-python[redis]'"
            ) from error
        if not isinstance(name, str) or not name or not set(name).isdisjoint("{}"):
            raise ConfigurationError("the name of a rate limiter must be a text without braces")
        if isinstance(client, str):
            client = _connect(client)
        elif not isinstance(client, redis.Redis):
            raise ConfigurationError("RedisRateLimiter takes a redis.Redis, or its URL")
        self._troubles = redis.RedisError
        self._prefix = f"{{{name}}}"
        self._script = client.register_script(SCRIPT)

    def __repr__(self) -> str:
        return f"RedisRateLimiter({self._prefix + ':pace'!r})"

    def reserve(self, clock: Clock, patience: float, budgets: Sequence[Budget]) -> Turn:
        """Reserve a slot in each budget; see `window.reserve`."""
        return self._turn("reserve", budgets, None, patience)

    def check(self, clock: Clock, numbers: Numbers, budgets: Sequence[Budget]) -> Turn:
        """Check the slots again; see `window.check`."""
        return self._turn("check", budgets, numbers)

    def note_opening(self, clock: Clock, numbers: Numbers, budgets: Sequence[Budget]) -> None:
        """See `Window.opening`."""
        self._act("opening", budgets, numbers)

    def note_margin(
        self, clock: Clock, numbers: Numbers, margin: float, budgets: Sequence[Budget]
    ) -> None:
        """See `Window.settle`."""
        self._act("settle", budgets, numbers, margin=max(margin, HOSTS_MARGIN))

    def note_response(
        self,
        clock: Clock,
        numbers: Numbers,
        margin: float,
        budgets: Sequence[Budget],
        is_accepted: bool,
    ) -> bool:
        """Note that a call is over; return whether the address is known not to be counted."""
        said = self._act("finish", budgets, numbers, int(is_accepted), max(margin, HOSTS_MARGIN))
        is_learned = budgets[-1].learned
        return is_learned and _read_knowledge(said.knowledge).known is Counting.FREE

    def note_hold(
        self, clock: Clock, seconds: float, budgets: Sequence[Budget], is_flowing: bool = False
    ) -> bool:
        """Hold the narrowest budget; return whether the address is known to be counted."""
        self._act("hold", budgets, amount=seconds)
        if not budgets[-1].learned:
            return False
        account = account_number(budgets)
        after, now = self._learn(
            budgets, lambda before, now: after_refusal(before, now, account, is_flowing)
        )
        return after.is_counted(now)

    def note_block(self, clock: Clock, seconds: float, budgets: Sequence[Budget]) -> float:
        """Block the widest budget that is the account's; see `Window.block`."""
        place = blocked_budget(budgets) + 1
        return self._act("block", budgets, amount=seconds, extra=[place]).away

    def note_unblock(self, clock: Clock, budgets: Sequence[Budget]) -> None:
        """See `Window.unblock`."""
        self._act("unblock", budgets)

    def note_free(self, clock: Clock, budgets: Sequence[Budget]) -> bool:
        """Note that the server does not count the address; return whether this is known now."""
        return self._learn(budgets, free)[0].known is Counting.FREE

    def _learn(
        self, budgets: Sequence[Budget], change: Callable[[Knowledge, float], Knowledge]
    ) -> tuple[Knowledge, float]:
        """Change what is known; return it, and the instant."""
        widest = budgets[-1:]
        while True:
            said = self._act("read", widest)
            now, before = said.now, _read_knowledge(said.knowledge)
            after = change(before, now)
            if after == before:
                return after, now
            text = write_knowledge(after)
            # Another host may have learned something meanwhile.
            done = self._act("learn", widest, extra=[said.knowledge, text])
            if done.action is Action.GO:
                return after, now

    def _turn(
        self, act: str, budgets: Sequence[Budget], numbers: Numbers | None, amount: float = 0.0
    ) -> Turn:
        margin = max(self._jitter.margin, HOSTS_MARGIN)
        said = self._act(act, budgets, numbers, amount, margin)
        return Turn(said.action, said.away, said.numbers, said.held, said.probe)

    def _act(
        self,
        act: str,
        budgets: Sequence[Budget],
        numbers: Numbers | None = None,
        amount: float = 0.0,
        margin: float = 0.0,
        extra: Sequence[str | float] = (),
    ) -> _Answer:
        keys: list[str] = []
        arguments: list[str | float] = [act, amount, margin]
        for at, (key, rate, learned) in enumerate(budgets):
            end = key and f":{key}"
            keys += [f"{self._prefix}:pace{end}", f"{self._prefix}:turns{end}"]
            number = NOT_RESERVED if numbers is None else numbers[at]
            arguments += [*slots_for(rate), int(learned), number]
        try:
            said = self._script(keys, [*arguments, *extra])
        except self._troubles as error:
            raise RateLimiterError(
                f"the rate limiter in Redis cannot be reached: {error}",
                hint="check Redis and its address",
            ) from error
        action, away, held, probe, now, _, *drawn = cast("list[int]", said)
        knowledge = cast("list[bytes | str]", said)[5]  # text, if the client decodes responses
        text = knowledge.decode() if isinstance(knowledge, bytes) else knowledge
        return _Answer(
            Action(action), away / 1e6, tuple(drawn), bool(held), bool(probe), now / 1e6, text
        )


class _Answer(NamedTuple):
    """What the script has answered: a turn, the server's time, and what is known of the address."""

    action: Action
    away: float
    numbers: Numbers
    held: bool
    probe: bool
    now: float
    knowledge: str


def _read_knowledge(text: str) -> Knowledge:
    if not text:
        return NOTHING_KNOWN
    known, until, refusals, refused_at, refused = (float(one) for one in text.split())
    return Knowledge(Counting(int(known)), until, int(refusals), refused_at, refused)


def _connect(url: str) -> Redis:
    from redis import BlockingConnectionPool, Redis

    try:
        pool = BlockingConnectionPool.from_url(
            url, max_connections=CONNECTIONS, timeout=TIMEOUT, socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
        )  # fmt: skip
        return Redis(connection_pool=pool)
    except ValueError:
        # Its message quotes the address, which may hold a password.
        raise ConfigurationError("the URL of Redis must begin with redis://") from None
