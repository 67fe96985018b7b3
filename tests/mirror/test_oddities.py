"""What integrations and administrators do to accounts, and what a mirror makes of it."""

from __future__ import annotations

from contextlib import closing, suppress
from io import BytesIO

import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from amocrm import AmoCRM, AuthSettings, UnexpectedReplyError
from amocrm.mirror import MirrorProgress, MirrorReport, mirror
from amocrm.mirror.batch import Batch
from amocrm.mirror.deletions import Fate
from amocrm.mirror.flatten.flatten import flatten
from amocrm.mirror.sql.sink import Sink
from amocrm.mirror.tables.definitions import TABLES
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.types import NewField
from tests.mirror.conftest import Runs
from tests.mirror.places import Place


def test_a_change_in_the_future_hides_no_later_one(
    place: Place, run: Runs, shop: Sandbox, clock: ManualClock, crm: AmoCRM
) -> None:
    edited, linked, gone = (crm.leads.create({"name": name})["id"] for name in "abc")
    for number in (edited, linked, gone):
        crm.leads.update(number, {"updated_at": int(clock.time()) + 10**8})
    run(place)
    assert place.one("leads", id=edited)["updated_at"] > clock.time() + 1000
    clock.advance(1000)
    crm.leads.update(edited, {"name": "new"})
    contact = crm.contacts.create({"name": "Ann"})["id"]
    crm.leads(linked).links.link([{"to_entity_id": contact, "to_entity_type": "contacts"}])
    shop.trash("leads", gone)
    assert run(place).deleted == 1
    assert place.one("leads", id=edited)["name"] == "new"
    assert place.one("leads", id=gone)["deleted_at"] == int(clock.time())
    run.check(place)


@pytest.mark.parametrize(("updated_at", "deleted_at"), [(1060, None), (1061, 100), (100, 100)])
def test_a_read_of_the_future_is_no_proof(updated_at: int, deleted_at: int | None) -> None:
    assert Fate(100, "a", True).deleted_at(updated_at, 1000) == deleted_at


def test_with_a_list_go_its_elements_and_with_a_field_its_choices(
    place: Place, run: Runs, shop: Sandbox, clock: ManualClock, crm: AmoCRM
) -> None:
    catalog = crm.catalogs.create({"name": "Samples"})["id"]
    crm.catalogs(catalog).elements.create({"name": "Cloth"})
    select: NewField = {"name": "Kind", "type": "select", "enums": [{"value": "one"}]}
    crm.catalogs(catalog).custom_fields.create(select)
    field = crm.leads.custom_fields.create(select)["id"]
    run(place)
    counted = {name: len(rows) for name, rows in place.alive().items()}
    clock.advance(1000)
    del shop.account().entities["catalogs"][catalog]  # As a person deletes it: the API cannot.
    crm.leads.custom_fields.delete(field)
    run(place)
    gone = {name: counted[name] - len(rows) for name, rows in place.alive().items()}
    assert {name: count for name, count in gone.items() if count > 0} == {
        "catalogs": 1, "catalog_elements": 1, "fields": 2, "enums": 2,
    }  # fmt: skip
    run.check(place)


def test_groups_that_are_not_shown_are_not_deleted(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock
) -> None:
    run(file)
    (group,) = file.rows("groups")
    assert group["deleted_at"] is None
    shop.account().shelf("users_groups").clear()
    clock.advance(1000)
    run(file)
    assert file.rows("groups") == [group]


HUGE = 2**70


def test_numbers_that_nobody_has_stop_no_run(everywhere: Place) -> None:
    lead = {
        "id": 1, "updated_at": 5,
        "custom_fields_values": [
            {"field_id": number, "values": [{"value": "x"}]} for number in (HUGE, 2**40)
        ],
        "_embedded": {"catalog_elements": [
            {"id": 2**50, "metadata": {"quantity": HUGE}}, {"id": HUGE},
        ]},
    }  # fmt: skip
    rows = flatten("leads", [lead], 1)
    with closing(Sink(everywhere.url, everywhere.prefix)) as sink:
        sink.create_tables()
        sink.write(1, Batch(rows))
    (link,) = everywhere.rows("links")
    assert (link["to_entity_id"], link["quantity"]) == (2**50, float(HUGE))
    assert [one["field_id"] for one in everywhere.rows("field_values")] == [2**40]


def test_numbers_that_nobody_has_stop_no_warehouse() -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install '.[warehouse]'")
    from amocrm.mirror.warehouse.arrow import to_arrow

    metadata = [{"quantity": 2**60 + 1}, {"quantity": HUGE}, {"quantity": 2.5}]
    links = [{"id": number, "metadata": one} for number, one in enumerate(metadata)]
    rows = flatten("leads", [{"id": 1, "_embedded": {"catalog_elements": links}}], 1)
    made = to_arrow(TABLES["links"], rows["links"], 1)
    assert made["quantity"].to_pylist() == [2.0**60, float(HUGE), 2.5]


PATHS = ("account", "events", "leads", "leads/notes", "users", "leads/pipelines", "catalogs",
         "customers/transactions", "leads/custom_fields")  # fmt: skip


@pytest.mark.parametrize("fault", ["wrong_type", "empty"])
@pytest.mark.parametrize("path", PATHS)
def test_an_answer_of_another_shape_loses_nothing(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock, path: str, fault: str
) -> None:
    shop.inject(fault, path=f"/api/v4/{path}")
    with suppress(UnexpectedReplyError):
        run(file)
    shop.clear_faults()
    clock.advance(1000)
    assert run(file).is_whole
    run.check(file)


class _Answer(BaseAdapter):
    """Answers every request with one body."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self._body = body

    def send(
        self, request: requests.PreparedRequest, *_: object, **__: object
    ) -> requests.Response:
        response = requests.Response()
        response.status_code, response.request, response.url = 200, request, str(request.url)
        response.headers["Content-Type"] = "application/json"
        response.raw = HTTPResponse(BytesIO(self._body), preload_content=False)
        return response

    def close(self) -> None:
        pass


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"id": "5"}', b"5"])
def test_what_is_no_account_is_an_error_of_ours(body: bytes, file: Place) -> None:
    session = requests.Session()
    session.mount("https://", _Answer(body))
    auth: AuthSettings = {"access_token": "any"}
    with (
        AmoCRM("example.amocrm.ru", auth, session=session, rate_limiter=None) as crm,
        pytest.raises(UnexpectedReplyError, match="no account"),
    ):
        mirror(crm, file.url)


def test_mirrors_of_two_prefixes_do_not_wait_for_each_other(file: Place, run: Runs) -> None:
    other = file._replace(prefix="b/")
    done: list[MirrorReport] = []

    def copy(_: MirrorProgress) -> None:
        if not done:
            done.append(run(other, families=["tasks"]))

    assert run(file, families=["tasks"], progress=copy).is_whole
    assert done[0].is_whole
