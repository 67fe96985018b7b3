"""What was read is sent back with one change, and taken (reference 3.1, 3.3, 5)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from amocrm.sandbox import Sandbox
from amocrm.sandbox.engine.collection import Collection
from amocrm.sandbox.engine.table import TABLE
from tests.sandbox.every_write import RIGHTS, WRITES, World

WITHS = ",".join(
    [
        *("contacts", "leads", "companies", "customers", "catalog_elements", "loss_reason"),
        *("source", "source_id", "is_price_modified_by_robot", "social_profiles", "is_pinned"),
        *("descriptions", "users", "reviews", "scripts", "deleted", "invoice_link"),
        "supplier_field_values",
    ]
)


def template(path: str) -> str:
    return re.sub(r"<[^>]+>", "#", path)


CHANGED = [
    template(entry.path)
    for entry in TABLE
    if isinstance(entry, Collection) and {"one", "change_one"} <= set(entry.verbs)
]
CHANGED_TOGETHER = [
    template(entry.path)
    for entry in TABLE
    if isinstance(entry, Collection) and {"one", "change"} <= set(entry.verbs)
]
CREATED = [
    template(entry.path)
    for entry in TABLE
    if isinstance(entry, Collection) and {"one", "create"} <= set(entry.verbs)
]


@pytest.fixture
def world(portal: Sandbox) -> World:
    portal.account().has_minor_units = True
    return World(portal)


def made(world: World, path: str) -> str:
    """Make an item with every property; return its address."""
    if path == "/website_buttons":
        address, body = WRITES["POST", path].made(world)
        return f"{path}/{world.send('POST', address, body).json()['source_id']}"
    address, body = WRITES["POST", path].made(world)
    answer = world.send("POST", address, body)
    assert answer.status_code in (200, 201), answer.text
    found = answer.json()
    if path != "/customers/segments":
        ((found,),) = found["_embedded"].values()
    return f"{address}/{found['id']}"


def read(world: World, address: str) -> dict[str, Any]:
    answer = world.send("GET", f"{address}?with={WITHS}")
    assert answer.status_code == 200, (address, answer.text)
    found: dict[str, Any] = answer.json()
    return found


def changed(path: str, model: dict[str, Any]) -> dict[str, Any]:
    """Return the model with another name; a note has a text instead."""
    if path.endswith("/notes"):
        return {**model, "params": {**model["params"], "source": "another"}}
    return {**model, "text" if path == "/tasks" else "name": "another"}


@pytest.mark.parametrize("path", CHANGED)
def test_a_whole_model_is_changed(world: World, path: str) -> None:
    address = made(world, path)
    before = read(world, address)
    wanted = changed(path, before)
    answer = world.send("PATCH", address, wanted)
    assert answer.status_code in (200, 202), answer.text
    after = read(world, address)
    moving = {"updated_at", "updated_by"}
    assert {name: one for name, one in after.items() if name not in moving} == {
        name: one for name, one in wanted.items() if name not in moving
    }


@pytest.mark.parametrize("path", CHANGED_TOGETHER)
def test_a_batch_of_whole_models_is_changed(world: World, path: str) -> None:
    address = made(world, path)
    wanted = changed(path, read(world, address))
    answer = world.send("PATCH", address.rpartition("/")[0], [wanted])
    assert answer.status_code in (200, 201), answer.text
    name = "params" if path.endswith("/notes") else "text" if path == "/tasks" else "name"
    assert read(world, address)[name] == wanted[name]


@pytest.mark.parametrize("path", CREATED)
def test_a_copy_is_made_of_a_whole_model(world: World, path: str) -> None:
    if path == "/users":
        pytest.skip("an address is taken once, and nobody reads a password")
    address = made(world, path)
    model = read(world, address)
    if path == "/sources":
        model["external_id"] = "another"
    if path == "/leads/pipelines":
        # Of the stages only the two that every pipeline has keep their ids.
        model |= {"_embedded": {}, "is_main": False}
    collection = address.rpartition("/")[0]
    body = model if path == "/customers/segments" else [model]
    answer = world.send("POST", collection, body)
    assert answer.status_code in (200, 201), answer.text


@pytest.mark.parametrize("place", ["system", "unsorted", "older color"])
def test_a_stage_is_sent_back_whole(world: World, place: str) -> None:
    pipeline = world.account.main_pipeline["id"]
    number = {"unsorted": 0, "older color": 1, "system": -1}[place]
    stage = world.account.statuses(int(pipeline))[number]
    address = f"/leads/pipelines/{pipeline}/statuses/{stage['id']}"
    model = read(world, address)
    assert world.send("PATCH", address, model).status_code == 200
    renamed = world.send("PATCH", address, {**model, "name": "another"})
    assert renamed.status_code == (400 if place == "unsorted" else 200)


def test_a_user_who_was_switched_off_stays_the_author(world: World) -> None:
    number = world.id("/leads", name="a", responsible_user_id=503, created_by=503)
    world.send("POST", "/users/deactivate", [{"id": 503}])
    model = read(world, f"/leads/{number}")
    answer = world.send("PATCH", f"/leads/{number}", {**model, "name": "b"})
    assert answer.status_code == 200, answer.text
    for name in ("responsible_user_id", "created_by", "updated_by"):
        refused = world.send("POST", "/leads", [{"name": "a", name: 503}])
        (error,) = refused.json()["validation-errors"][0]["errors"]
        assert (error["code"], error["path"]) == ("NotSupportedChoice", name)


def test_the_model_of_a_file_is_sent_back(world: World) -> None:
    address = f"/v1.0/files/{world.file()}"
    model = world.send("GET", address).json()
    assert world.send("PATCH", address, model).json() == model
    renamed = world.send("PATCH", address, {**model, "name": "another"}).json()
    assert (renamed["name"], renamed["version_uuid"]) == ("another", model["version_uuid"])


def test_rights_are_sent_back(world: World) -> None:
    address = f"/roles/{world.id('/roles', name='a', rights=RIGHTS)}"
    model = read(world, address)
    answer = world.send("PATCH", address, {**model, "name": "b"})
    assert (answer.status_code, answer.json()["rights"]) == (202, model["rights"])
