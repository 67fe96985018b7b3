"""The script that keeps windows in Redis: does what `window` does, for all budgets of a call.

For each budget there are two keys: a hash of its state, and a hash of its slots by their numbers.
"""

from __future__ import annotations

from typing import Final

from amocrm.api_limits import REQUESTS_PER_SECOND
from amocrm.rate_limit.jitter import LEAST_MARGIN, MARGIN
from amocrm.rate_limit.learning import TEST_SPAN, TESTS, Counting, Knowledge
from amocrm.rate_limit.window import (
    BLOCK_GROWTH,
    LEARNING_LOOK,
    LOOK,
    OPENING,
    PROBE,
    QUEUE,
    Action,
)

EXPIRY: Final = 7200
"""Seconds after which an idle rate limiter is forgotten: more than the longest pause."""


def write_knowledge(knowledge: Knowledge) -> str:
    """Write what is known of the address as the script reads it."""
    return " ".join(f"{float(one):.6f}" for one in knowledge)


_GROWTH: Final = ", ".join(map(str, BLOCK_GROWTH))

TIME: Final = "redis.call('TIME')"
"""Where the script reads the time."""

SCRIPT: Final = f"""
local act, amount, margin = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = {TIME}
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
    local known, till, refusals = string.match(w.knowledge, '^(%S+) (%S+) (%S+)')
    known, till = tonumber(known or {Counting.UNKNOWN:d}), tonumber(till or 0)
    w.till = till
    w.open = known == {Counting.FREE:d}
    w.looks = known == {Counting.UNKNOWN:d}
    w.counted = known == {Counting.COUNTED:d} and now < till
    w.slots = {REQUESTS_PER_SECOND}
    if now >= till then w.slots = w.slots + {TESTS} - tonumber(refusals or 0) end
  end
  windows[i] = w
end

local function answer(what, away, held, probe)
  local out = {{what, math.ceil(away * 1e6), held and 1 or 0, probe and 1 or 0,
    math.floor(now * 1e6), windows[#windows].knowledge}}
  -- The others change slots only, shortly after they were reserved.
  local is_kept_alive = act ~= 'finish' and act ~= 'settle' and act ~= 'opening'
  for i, w in ipairs(windows) do
    if is_kept_alive then
      redis.call('EXPIRE', w.head, {EXPIRY})
      redis.call('EXPIRE', w.turns, {EXPIRY})
    end
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

local function is_flowing(w)
  local answered = {{}}
  for number = w.first, w.next - 1 do
    local at, free = slot(w, number)
    if at > 0 and free - at < w.seconds + {1.5 * LEAST_MARGIN} then answered[#answered + 1] = at end
  end
  table.sort(answered)
  for i = 1, #answered - {REQUESTS_PER_SECOND} do
    if answered[i + {REQUESTS_PER_SECOND}] - answered[i] <= {TEST_SPAN} then return true end
  end
  return false
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
        what, away, held, probe = reserve(w, w.looks and 0 or patience)
        if w.looks and (what == {Action.WAIT:d} or what == {Action.TOO_FAR:d}) then
          cancel(w)
          w.number = -1
          what, away, held = {Action.WAIT:d}, {LEARNING_LOOK}, now < w.not_before
        end
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
elseif act == 'finish' then
  local is_accepted = amount > 0
  for _, w in ipairs(windows) do
    local at = w.number >= 0 and slot(w, w.number) or 0
    if at > 0 and w.learned and not is_accepted then
      occupy(w, w.number, at, at + w.seconds + math.max(margin, {MARGIN}))
    elseif at > 0 then
      at = at + margin - {LEAST_MARGIN}
      occupy(w, w.number, at, at + w.seconds + {LEAST_MARGIN})
    end
  end
  local w = windows[#windows]
  if w.looks and is_accepted and now >= w.till and is_flowing(w) then
    w.knowledge = '{write_knowledge(Knowledge(Counting.FREE))}'
    redis.call('HSET', w.head, 'knowledge', w.knowledge)
  end
elseif act == 'hold' then
  local widest = windows[#windows]
  set(windows[1], 'not_before', math.max(windows[1].not_before, now + amount))
  if widest.counted then set(widest, 'not_before', math.max(widest.not_before, now + amount)) end
elseif act == 'block' then
  local w = windows[tonumber(ARGV[#ARGV])]
  local blocks = tonumber(redis.call('HGET', w.head, 'blocks') or 0)
  if w.blocked == 0 or w.probe >= 0 then blocks = redis.call('HINCRBY', w.head, 'blocks', 1) end
  local growth = {{{_GROWTH}}}
  local pause = amount * growth[math.max(1, math.min(blocks, #growth))]
  w.blocked = math.max(w.blocked, now + pause)
  set(w, 'blocked', w.blocked)
  set(w, 'probe', -1)
  return answer({Action.GO:d}, w.blocked - now)
elseif act == 'unblock' then
  for _, w in ipairs(windows) do redis.call('HDEL', w.head, 'blocked', 'blocks', 'probe') end
elseif act == 'learn' then
  local widest = windows[#windows]
  if widest.knowledge ~= ARGV[#ARGV - 1] then return answer({Action.RESERVE_AGAIN:d}, 0) end
  redis.call('HSET', widest.head, 'knowledge', ARGV[#ARGV])
end
return answer({Action.GO:d}, 0)
"""
