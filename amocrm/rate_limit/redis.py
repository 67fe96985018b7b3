"""A rate limiter for many hosts: the window is in Redis, and uses the clock of Redis.

The script below is `Window` in Lua, and passes the same tests. Each of its calls is one round trip
and returns seconds to sleep, so the hosts' clocks need not agree. Both keys have the same hash tag,
so a cluster stores them on one node; both expire, so nothing remains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from amocrm._support.clock import Clock
from amocrm.api_limits import REQUESTS_PER_SECOND
from amocrm.errors import ConfigurationError, RateLimiterError
from amocrm.rate_limit.base import BaseRateLimiter
from amocrm.rate_limit.jitter import LEAST_MARGIN
from amocrm.rate_limit.window import LOOK, OPENING, PROBE, QUEUE, Action, Step

if TYPE_CHECKING:
    from redis import Redis

HOSTS_MARGIN: Final = 0.02
"""The smallest margin in seconds: the hosts' latencies to amoCRM differ."""

TIMEOUT: Final = 5.0
"""Seconds to wait for Redis, if this module makes the client."""

EXPIRY: Final = 7200
"""Seconds after which an idle rate limiter is deleted: more than the longest pause."""

_SCRIPT: Final = f"""
local head, slots = KEYS[1], KEYS[2]
local act, count, seconds = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local number, amount, margin = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
local state = redis.call('HMGET', head, 'next', 'not_before', 'blocked', 'probe')
local following, not_before = tonumber(state[1] or 0), tonumber(state[2] or 0)
local blocked, probe = tonumber(state[3] or 0), tonumber(state[4] or -1)

local function slot(number)
  local at, free = string.match(redis.call('HGET', slots, number) or '0 0', '(%S+) (%S+)')
  return tonumber(at), tonumber(free)
end
local function store(number, at, free)
  redis.call('HSET', slots, number, string.format('%.6f %.6f', at, free))
end
local function set(name, value)
  redis.call('HSET', head, name, string.format('%.6f', value))
end
local function step(action, away, held)
  redis.call('EXPIRE', head, {EXPIRY})
  redis.call('EXPIRE', slots, {EXPIRY})
  local is_probe = probe >= 0 and probe == number
  return {{action, math.ceil(away * 1e6), number, held and 1 or 0, is_probe and 1 or 0}}
end

if act == 'reserve' then
  if now < blocked then return step({Action.BLOCKED:d}, blocked - now) end
  number = following
  local plan = math.max(now, not_before, slot(number - count) + seconds + {LEAST_MARGIN})
  if plan - now > {EXPIRY} then
    -- The clock of Redis was set back: older values mean nothing.
    redis.call('DEL', head, slots)
    not_before, plan = 0, now
  end
  if plan - now > amount then return step({Action.TOO_FAR:d}, plan - now) end
  set('next', number + 1)
  store(number, plan, plan + seconds + {LEAST_MARGIN})
  redis.call('HDEL', slots, number - count - {QUEUE})
  if blocked > 0 then
    blocked, probe = now + {PROBE}, number
    set('blocked', blocked)
    set('probe', probe)
  end
end

if act == 'reserve' or act == 'check' then
  if blocked > 0 and probe ~= number then
    return step({Action.BLOCKED:d}, math.max(0, blocked - now))
  end
  local at = slot(number)
  local following = slot(number + count)
  if at == 0 or (following > 0 and following <= now) then
    return step({Action.RESERVE_AGAIN:d}, 0)
  end
  local due, held = math.max(at, not_before), not_before >= at
  local before, free = slot(number - count)
  if free > due then
    local early = before + seconds + {LEAST_MARGIN}
    due, held = now < early and early or math.min(free, now + {LOOK}), false
  end
  if now < due then
    store(number, due, due + seconds + {LEAST_MARGIN})
    return step({Action.WAIT:d}, due - now, held)
  end
  store(number, now, now + seconds + margin)
  return step({Action.GO:d}, 0)
elseif act == 'opening' or act == 'settle' then
  local at = slot(number)
  local free = act == 'opening' and now + {OPENING} or at + seconds + margin
  if at > 0 then store(number, at, free) end
elseif act == 'hold' then
  set('not_before', math.max(not_before, now + amount))
elseif act == 'block' then
  set('blocked', math.max(blocked, now + amount))
  set('probe', -1)
elseif act == 'unblock' then
  redis.call('HDEL', head, 'blocked', 'probe')
end
return step({Action.GO:d}, 0)
"""


class RedisRateLimiter(BaseRateLimiter):
    """At most `rate` calls in any second, for all hosts that share a Redis and a name.

    The hosts' latencies to amoCRM may differ by up to 20 ms.

    Args:
        client: a `redis.Redis`, or its URL, such as `redis://localhost:6379/0`.
        name: of the rate limiter; clients with one IP address use one name.
        rate: calls in a second.

    Raises:
        ConfigurationError: redis is not installed, or an argument is wrong.
    """

    def __init__(
        self,
        client: Redis | str,
        name: str = "amocrm",
        rate: float = REQUESTS_PER_SECOND,
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
        self._errors = redis.RedisError
        self._keys = [f"{{{name}}}:pace", f"{{{name}}}:turns"]
        self._script = client.register_script(_SCRIPT)

    def __repr__(self) -> str:
        return f"RedisRateLimiter({self._keys[0]!r})"

    def reserve(self, clock: Clock, patience: float) -> Step:
        """Reserve the next slot; see `Window.reserve`."""
        return self._act("reserve", amount=patience, margin=self._margin())

    def check(self, clock: Clock, slot_number: int) -> Step:
        """Check a slot again; see `Window.check`."""
        return self._act("check", slot_number, margin=self._margin())

    def note_opening(self, clock: Clock, slot_number: int) -> None:
        """See `Window.opening`."""
        self._act("opening", slot_number)

    def note_margin(self, clock: Clock, slot_number: int, margin: float) -> None:
        """See `Window.settle`."""
        self._act("settle", slot_number, margin=max(margin, HOSTS_MARGIN))

    def note_hold(self, clock: Clock, seconds: float) -> None:
        """See `Window.hold`."""
        self._act("hold", amount=seconds)

    def note_block(self, clock: Clock, seconds: float) -> None:
        """See `Window.block`."""
        self._act("block", amount=seconds)

    def note_unblock(self, clock: Clock) -> None:
        """See `Window.unblock`."""
        self._act("unblock")

    def _margin(self) -> float:
        return max(self._jitter.margin, HOSTS_MARGIN)

    def _act(
        self, act: str, slot_number: int = -1, amount: float = 0.0, margin: float = 0.0
    ) -> Step:
        arguments: list[str | float] = [
            act,
            self._slots,
            self._seconds,
            slot_number,
            amount,
            margin,
        ]
        try:
            answer = self._script(self._keys, arguments)
        except self._errors as error:
            raise RateLimiterError(
                f"the rate limiter in Redis cannot be reached: {error}",
                hint="check Redis and its address",
            ) from error
        action, away, slot_number, held, probe = cast("list[int]", answer)
        return Step(Action(action), away / 1e6, slot_number, bool(held), bool(probe))


def _connect(url: str) -> Redis:
    from redis import Redis

    try:
        return Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)
    except ValueError:
        # Its message quotes the address, which may hold a password.
        raise ConfigurationError("the URL of Redis must begin with redis://") from None
