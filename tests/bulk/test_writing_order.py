"""Changes of one entity are written in their order, although chunks are sent at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from amocrm import AmoCRM
from amocrm.sandbox import ManualClock, Sandbox

LEADS = "/api/v4/leads"


class LateChanges(BaseAdapter):
    """Lets changes arrive late, unless an event happens before."""

    def __init__(self, portal: BaseAdapter) -> None:
        self._portal = portal
        self.event = threading.Event()

    def send(self, request: PreparedRequest, *args: Any, **settings: Any) -> Response:
        if request.method == "PATCH":
            self.event.wait(0.1)
        return self._portal.send(request, *args, **settings)

    def close(self) -> None:
        self._portal.close()


def test_changes_of_one_entity_are_written_in_their_order(
    sandbox: Sandbox, connected: AmoCRM, clock: ManualClock
) -> None:
    first, second = (
        one.unwrap() for one in connected.create_many(LEADS, [{"name": "1"}, {"name": "2"}])
    )
    session = sandbox.session()
    late = LateChanges(session.get_adapter("https://example.amocrm.ru"))
    session.mount("https://", late)
    auth: Any = {"access_token": sandbox.issue_long_lived()}
    written: list[int] = []

    def changes() -> Iterator[Any]:
        yield {"id": first, "name": "A"}
        yield {"id": first, "name": "B"}
        written.append(sum(one.method == "PATCH" for one in sandbox.log))
        late.event.set()
        yield {"id": second, "name": "C"}

    with AmoCRM("example", auth, session=session, clock=clock, rate_limiter=None) as slow:
        assert len(list(slow.update_many(LEADS, changes(), size=1))) == 3
    assert written == [1]
    assert sorted(lead["name"] for lead in sandbox.leads()) == ["B", "C"]
