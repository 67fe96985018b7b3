from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from amocrm import AmoCRM
from amocrm.mirror import MirrorReport, mirror
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.sandbox.clock import SystemClock
from tests.conftest import Make
from tests.mirror.places import KINDS, Place, new_place
from tests.servers import DATABASES


@pytest.fixture(params=KINDS)
def everywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place in each database, for the few tests that show that they do the same."""
    with new_place(request.param, tmp_path) as made:
        yield made


@pytest.fixture(
    params=["sqlite", *(pytest.param(one, marks=pytest.mark.endurance) for one in DATABASES)]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place; in the databases of servers only where long tests run."""
    with new_place(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Place:
    """A mirror in SQLite."""
    return Place(f"sqlite:///{tmp_path}/mirror.db")


@pytest.fixture
def shop(portal: Sandbox, clock: ManualClock) -> Sandbox:
    """The data of a small shop, entered some time ago."""
    portal.add_shop()
    clock.advance(600)
    return portal


@pytest.fixture
def crm(shop: Sandbox, clock: ManualClock, make: Make) -> AmoCRM:
    one = shop.integration
    return make(
        {
            "client_id": one.client_id,
            "client_secret": one.client_secret,
            "redirect_uri": one.redirect_uri,
            "code": shop.issue_code(),
        },
        session=shop.session(),
        rate_limiter=None,
    )


class Runs:
    """Runs mirrors of one account."""

    def __init__(self, crm: AmoCRM, clock: ManualClock | SystemClock, folder: Path) -> None:
        self.crm = crm
        self.clock = clock
        self._folder = folder

    def __call__(self, place: Place, **settings: object) -> MirrorReport:
        return mirror(
            self.crm,
            place.url,
            prefix=place.prefix,
            clock=self.clock,
            **settings,  # type: ignore[arg-type]
        )

    def check(self, place: Place, **settings: object) -> None:
        """Check that a mirror is what a first copy would be now, row by row."""
        with new_place("sqlite", self._folder) as fresh:
            self(fresh, **settings)
            expected = fresh.alive()
            for name, rows in place.alive().items():
                assert rows == expected[name], name


@pytest.fixture
def run(crm: AmoCRM, clock: ManualClock, tmp_path: Path) -> Runs:
    return Runs(crm, clock, tmp_path)
