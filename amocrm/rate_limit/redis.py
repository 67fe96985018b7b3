"""A rate limiter for many hosts: the windows in Redis, by the server's own clock.

The script below does what `window` does, and is tested by the same tests. Each of its calls is one
round trip for all budgets of a call, and its answer is a time to sleep, so hosts need no common
clock. All keys have one hash tag, so a cluster keeps them together; all expire, so nothing is left
behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from amocrm._support.clock import Clock
from amocrm.api_limits import REQUESTS_PER_SECOND
from amocrm.errors import ConfigurationError, RateLimiterError
from amocrm.rate_limit.base import BaseRateLimiter, account_number, blocked_budget
from amocrm.rate_limit.budget import Budget
from amocrm.rate_limit.jitter import LEAST_MARGIN
from amocrm.rate_limit.learning import NOTHING_KNOWN, Knowledge, Known, after_refusal, free
from amocrm.rate_limit.window import (
    LEARNING_LOOK,
    LOOK,
    NOT_RESERVED,
    OPENING,
    PROBE,
    QUEUE,
    Action,
    Numbers,
    Turn,
    slots_for,
)

if TYPE_CHECKING:
    from redis import Redis

HOSTS_MARGIN: Final = 0.02
"""Seconds that are left at least: ways from several hosts to the server differ in length."""

TIMEOUT: Final = 5.0
"""Seconds to wait for Redis, when this module makes the client."""

EXPIRY: Final = 7200
"""Seconds after which an idle rate limiter is forgotten: more than the longest pause."""

_SCRIPT: Final = f"""
local act, amount, margin = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
local INF, windows = 1e18, {{}}

local function set(w, name, value)
  redis.call('HSET', w.head, name, string.format('%.6f', value))
end
local function slot(w, number)
  local at, free = string.match(redis.call('HGET', w.turns, number) or '0 0', '(%S+) (%S+)')
  return tonumber(at), tonumber(free)
end
local function occupy(w, number, at, free)
  redis.call('HSET', w.turns, number, string.format('%.6f %.6f', at, free))
end
local function forget(w)
  redis.call('DEL', w.head, w.turns)
  w.not_before, w.blocked, w.probe = 0, 0, -1
end

for i = 1, #KEYS / 2 do
  local w = {{head = KEYS[2 * i - 1], turns = KEYS[2 * i]}}
  w.slots, w.seconds = tonumber(ARGV[4 * i]), tonumber(ARGV[4 * i + 1])
  w.learned, w.number = ARGV[4 * i + 2] == '1', tonumber(ARGV[4 * i + 3])
  local state = redis.call(
    'HMGET', w.head, 'next', 'not_before', 'blocked', 'probe', 'first', 'knowledge')
  w.next, w.not_before = tonumber(state[1] or 0), tonumber(state[2] or 0)
  w.blocked, w.probe = tonumber(state[3] or 0), tonumber(state[4] or -1)
  w.first, w.knowledge = tonumber(state[5] or 0), state[6] or ''
  if w.not_before - now > {EXPIRY} or w.blocked - now > {EXPIRY} then forget(w) end
  if w.learned then
    local known, till = string.match(w.knowledge, '^(%S+) (%S+)')
    known, till = tonumber(known or {Known.UNKNOWN:d}), tonumber(till or 0)
    w.open = known == {Known.FREE:d}
    w.looks = known == {Known.UNKNOWN:d}
    w.counted = known == {Known.COUNTED:d} and now < till
    w.slots = now < till and {REQUESTS_PER_SECOND} or {REQUESTS_PER_SECOND + 1}
  end
  windows[i] = w
end

local function answer(what, away, held, probe)
  local out = {{what, math.ceil(away * 1e6), held and 1 or 0, probe and 1 or 0,
    math.floor(now * 1e6), windows[#windows].knowledge}}
  for i, w in ipairs(windows) do
    redis.call('EXPIRE', w.head, {EXPIRY})
    redis.call('EXPIRE', w.turns, {EXPIRY})
    out[6 + i] = w.number
  end
  return out
end

local function cancel(w)
  if w.number >= 0 and w.number == w.next - 1 then
    redis.call('HDEL', w.turns, w.number)
    w.next = w.number
    set(w, 'next', w.next)
  end
end

local function check(w)
  local number = w.number
  local is_probe = w.probe >= 0 and w.probe == number
  if w.blocked > 0 and not is_probe then
    return {Action.BLOCKED:d}, math.max(0, w.blocked - now), false, false
  end
  local at = slot(w, number)
  local following = slot(w, number + w.slots)
  if at == 0 or (following > 0 and following <= now) then
    return {Action.RESERVE_AGAIN:d}, 0, false, false
  end
  local due, held = math.max(at, w.not_before), w.not_before >= at
  local before, free = slot(w, number - w.slots)
  if free > due then
    local early = before + w.seconds + {LEAST_MARGIN}
    due, held = now < early and early or math.min(free, now + {LOOK}), false
  end
  if now < due then
    occupy(w, number, due, due + w.seconds + {LEAST_MARGIN})
    return {Action.WAIT:d}, due - now, held, false
  end
  occupy(w, number, now, now + w.seconds + margin)
  return {Action.GO:d}, 0, false, is_probe
end

local function reserve(w, patience)
  if now < w.blocked then return {Action.BLOCKED:d}, w.blocked - now, false, false end
  local plan = math.max(now, w.not_before, slot(w, w.next - w.slots) + w.seconds + {LEAST_MARGIN})
  if plan - now > {EXPIRY} then
    -- The server's clock was set back: what was written before means nothing.
    forget(w)
    plan = now
  end
  while w.first < w.next - w.slots do
    local _, free = slot(w, w.first)
    if free > now then break end
    redis.call('HDEL', w.turns, w.first)
    w.first = w.first + 1
  end
  if plan - now > patience or w.next - w.first >= {QUEUE} + w.slots - 1 then
    return {Action.TOO_FAR:d}, math.max(plan - now, {LOOK}), false, false
  end
  w.number = w.next
  w.next = w.next + 1
  redis.call('HSET', w.head, 'next', string.format('%.0f', w.next),
    'first', string.format('%.0f', w.first))
  occupy(w, w.number, plan, plan + w.seconds + {LEAST_MARGIN})
  if w.blocked > 0 then
    w.blocked, w.probe = now + {PROBE}, w.number
    set(w, 'blocked', w.blocked)
    set(w, 'probe', w.probe)
  end
  return check(w)
end

if act == 'reserve' then
  for _, w in ipairs(windows) do
    if not w.open then
      if now < w.blocked then return answer({Action.BLOCKED:d}, w.blocked - now) end
      if w.not_before - now > amount then
        return answer({Action.TOO_FAR:d}, w.not_before - now)
      end
    end
  end
end

if act == 'reserve' or act == 'check' then
  local patience, any_probe = act == 'reserve' and amount or INF, false
  for i, w in ipairs(windows) do
    local what, away, held, probe = {Action.GO:d}, 0, false, false
    if not w.open then
      if w.number < 0 then
        what, away, held, probe = reserve(w, patience)
      else
        what, away, held, probe = check(w)
        if what == {Action.RESERVE_AGAIN:d} and i > 1 then
          what, away, held, probe = reserve(w, patience)
        end
      end
    end
    any_probe = any_probe or probe
    if what ~= {Action.GO:d} then
      if what == {Action.WAIT:d} and w.looks then away = math.min(away, {LEARNING_LOOK}) end
      for wider = i + 1, #windows do
        cancel(windows[wider])
        windows[wider].number = -1
      end
      for narrower = 1, i - 1 do
        local n = windows[narrower]
        if what ~= {Action.WAIT:d} then
          cancel(n)
        elseif n.number >= 0 then
          occupy(n, n.number, now + away, now + away + n.seconds + {LEAST_MARGIN})
        end
      end
      return answer(what, away, held, any_probe)
    end
  end
  return answer({Action.GO:d}, 0, false, any_probe)
elseif act == 'opening' or act == 'settle' then
  for _, w in ipairs(windows) do
    local at = w.number >= 0 and slot(w, w.number) or 0
    if at > 0 then
      occupy(w, w.number, at, act == 'opening' and now + {OPENING} or at + w.seconds + margin)
    end
  end
elseif act == 'hold' then
  local widest = windows[#windows]
  set(windows[1], 'not_before', math.max(windows[1].not_before, now + amount))
  if widest.counted then set(widest, 'not_before', math.max(widest.not_before, now + amount)) end
elseif act == 'block' then
  local w = windows[tonumber(ARGV[#ARGV])]
  set(w, 'blocked', math.max(w.blocked, now + amount))
  set(w, 'probe', -1)
elseif act == 'unblock' then
  for _, w in ipairs(windows) do redis.call('HDEL', w.head, 'blocked', 'probe') end
elseif act == 'learn' then
  local widest = windows[#windows]
  if widest.knowledge ~= ARGV[#ARGV - 1] then return answer({Action.RESERVE_AGAIN:d}, 0) end
  redis.call('HSET', widest.head, 'knowledge', ARGV[#ARGV])
end
return answer({Action.GO:d}, 0)
"""


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
        self._script = client.register_script(_SCRIPT)

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

    def note_hold(self, clock: Clock, seconds: float, budgets: Sequence[Budget]) -> bool:
        """Hold the narrowest budget; return whether the address is known to be counted."""
        self._act("hold", budgets, amount=seconds)
        if not budgets[-1].learned:
            return False
        account = account_number(budgets)
        return self._learn(budgets, lambda before, now: after_refusal(before, now, account))

    def note_block(self, clock: Clock, seconds: float, budgets: Sequence[Budget]) -> None:
        """Block the widest budget that is the account's; see `Window.block`."""
        self._act("block", budgets, amount=seconds, extra=[blocked_budget(budgets) + 1])

    def note_unblock(self, clock: Clock, budgets: Sequence[Budget]) -> None:
        """See `Window.unblock`."""
        self._act("unblock", budgets)

    def note_free(self, clock: Clock, budgets: Sequence[Budget]) -> None:
        """Note that the server does not count the address; see `learning.free`."""
        self._learn(budgets, free)

    def _learn(
        self, budgets: Sequence[Budget], change: Callable[[Knowledge, float], Knowledge]
    ) -> bool:
        """Change what is known; return whether the address is counted."""
        widest = budgets[-1:]
        while True:
            said = self._act("read", widest)
            now, before = said.now, _read_knowledge(said.knowledge)
            after = change(before, now)
            is_counted = after.is_counted(now)
            if after == before:
                return is_counted
            extra: list[str | float] = [
                said.knowledge,
                " ".join(f"{float(one):.6f}" for one in after),
            ]
            # Another host may have learned something meanwhile.
            if self._act("learn", widest, extra=extra).action is Action.GO:
                return is_counted

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
    return Knowledge(Known(int(known)), until, int(refusals), refused_at, refused)


def _connect(url: str) -> Redis:
    from redis import Redis

    try:
        return Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)
    except ValueError:
        # Its message quotes the address, which may hold a password.
        raise ConfigurationError("the URL of Redis must begin with redis://") from None
