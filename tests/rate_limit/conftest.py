"""A client of Redis, which is closed after the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from tests.rate_limit.test_contract import REDIS


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(REDIS) as client:
        yield client
