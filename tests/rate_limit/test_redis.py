"""What is only Redis': its keys, its absence, and the extra it needs."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import redis

from amocrm import ConfigurationError, RateLimiterError
from amocrm._support.clock import SystemClock
from amocrm.http.sender import LONGEST_HOLD
from amocrm.rate_limit.limiter import Refusal
from amocrm.rate_limit.redis import RedisRateLimiter
from amocrm.rate_limit.redis_script import EXPIRY
from tests.conftest import Make
from tests.rate_limit.test_contract import REDIS, redis_name

CLOCK = SystemClock()


def test_its_keys_share_a_slot_and_expire(client: redis.Redis) -> None:
    name = redis_name()
    keys = [f"{{{name}}}:pace", f"{{{name}}}:turns"]
    rate_limiter = RedisRateLimiter(client, name)
    assert repr(rate_limiter) == f"RedisRateLimiter({keys[0]!r})"
    for act in (
        lambda: rate_limiter.wait(CLOCK, 0),
        lambda: rate_limiter.hold(CLOCK, 1),
        lambda: rate_limiter.block(CLOCK, 1),
        lambda: rate_limiter.note_margin(CLOCK, (0,), 0.05, rate_limiter.budgets),
    ):
        act()
        assert all(EXPIRY - 10 < int(client.ttl(key)) <= EXPIRY for key in keys)
    assert sorted(client.keys(f"*{name}*")) == [key.encode() for key in keys]
    assert EXPIRY > LONGEST_HOLD
    client.delete(*keys)


def test_a_clock_of_the_server_that_was_set_back_starts_it_afresh(client: redis.Redis) -> None:
    name = redis_name()
    rate_limiter = RedisRateLimiter(client, name, 1)
    rate_limiter.wait(CLOCK, 0)
    client.hset(f"{{{name}}}:turns", "0", "99999999999.000000 99999999999.000000")
    assert not isinstance(rate_limiter.wait(CLOCK, 0), Refusal)
    client.delete(f"{{{name}}}:pace", f"{{{name}}}:turns")


def test_a_redis_that_is_not_there_is_told_before_anything_is_sent(
    make: Make, free_port: int, sandbox: Any
) -> None:
    rate_limiter = RedisRateLimiter(f"redis://:SECRET@127.0.0.1:{free_port}")
    crm = make({"access_token": sandbox.issue_long_lived()}, rate_limiter=rate_limiter)
    with pytest.raises(RateLimiterError, match="check Redis") as trouble:
        crm.request.get("/api/v4/account")
    assert trouble.value.retryable
    assert "SECRET" not in str(trouble.value)
    assert sandbox.log == []
    rate_limiter.hold(CLOCK, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["http://SECRET@h"], "redis://"),
        ([5], "redis.Redis"),
        ([REDIS, ""], "name"),
        ([REDIS, "a{b}"], "name"),
        ([REDIS, "a", 0], "calls per second"),
    ],
)
def test_what_is_wrong_is_told_at_once(arguments: list[Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as refusal:
        RedisRateLimiter(*arguments)
    assert "SECRET" not in str(refusal.value)


def test_without_the_extra_the_error_names_it() -> None:
    script = (
        "import sys; sys.modules['redis'] = None\n"
        "from amocrm.rate_limit.redis import RedisRateLimiter\n"
        "try: RedisRateLimiter('redis://h')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == (
        "ConfigurationError RedisRateLimiter needs redis (pip install 'amocrm-python[redis]')"
    )
