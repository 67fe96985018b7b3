"""Sources, website buttons, short links, chat templates (reference 4.24 to 4.27)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox
from amocrm.sandbox.drive.store import File
from amocrm.sandbox.entities.chat_templates import MOST_TEMPLATES

Call = Callable[..., requests.Response]


def faults(answer: requests.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.text
    errors = answer.json()["validation-errors"]
    return [(error["code"], error["path"]) for one in errors for error in one["errors"]]


def made(call: Call, path: str, key: str, **model: Any) -> dict[str, Any]:
    answer = call("POST", path, json=[model])
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["_embedded"][key][0])


def of_another(portal: Sandbox, session: requests.Session) -> Call:
    """Call with a token of another integration."""
    other = portal.add_integration()
    code = portal.issue_code(integration=other)
    body = {
        "client_id": other.client_id,
        "client_secret": other.client_secret,
        "redirect_uri": other.redirect_uri,
        "grant_type": "authorization_code",
        "code": code,
    }
    host = "https://example.amocrm.ru"
    token = session.post(f"{host}/oauth2/access_token", json=body).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}

    def call(method: str, path: str, **options: Any) -> requests.Response:
        return session.request(method, f"{host}/api/v4{path}", headers=headers, **options)

    return call


def test_a_source_goes_round(call: Call, portal: Sandbox) -> None:
    assert call("GET", "/sources").status_code == 204
    service = {
        "type": "whatsapp",
        "params": {"waba": True, "is_supports_list_message": True},
        "pages": [{"id": "1", "name": "Line", "link": "+79990000000"}],
    }
    model = {"name": "Shop", "external_id": "shop-1", "default": True, "services": [service]}
    source = made(call, "/sources", "sources", **model, request_id="r")
    assert set(source) == {
        *("id", "name", "pipeline_id", "external_id", "default", "origin_code", "services"),
        *("request_id", "_links"),
    }
    assert {name: source[name] for name in model} == model
    assert source["pipeline_id"] == portal.account().main_pipeline["id"]
    body = call("GET", "/sources").json()
    assert (body["_total_items"], body["_embedded"]["sources"][0]["name"]) == (1, "Shop")
    for params, status in (({"filter[external_id][]": ["shop-1", "x"]}, 200),
                           ({"filter[external_id]": "x"}, 204)):  # fmt: skip
        assert call("GET", "/sources", params=params).status_code == status
    path = f"/sources/{source['id']}"
    assert call("PATCH", path, json={"name": "Store"}).json()["name"] == "Store"
    batch = call("PATCH", "/sources", json=[{"id": source["id"], "name": "Mall"}])
    assert batch.json()["_embedded"]["sources"][0]["name"] == "Mall"
    assert call("GET", path).json()["name"] == "Mall"
    gone = call("DELETE", path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert call("DELETE", path).status_code == 404
    assert call("GET", path).status_code == 204


def test_one_source_is_the_default_one(call: Call) -> None:
    first = made(call, "/sources", "sources", name="a", default=True)
    second = made(call, "/sources", "sources", name="b", default=True)
    assert call("GET", f"/sources/{first['id']}").json()["default"] is False
    call("PATCH", f"/sources/{first['id']}", json={"default": True})
    assert call("GET", f"/sources/{second['id']}").json()["default"] is False


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        ({}, ("FieldMissing", "name")),
        ({"name": "a", "pipeline_id": 5}, ("NotSupportedChoice", "pipeline_id")),
        ({"name": "a", "external_id": "x" * 37}, ("InvalidFormat", "external_id")),
        ({"name": "a", "external_id": "магазин"}, ("InvalidFormat", "external_id")),
        ({"name": "a", "external_id": "taken"}, ("NotSupportedChoice", "external_id")),
        ({"name": "a", "services": [{"type": "fax"}]}, ("NotSupportedChoice", "services.0.type")),
        ({"name": "a", "services": [{"type": "whatsapp", "pages": [{"id": "1", "name": "a"}]}]},
         ("FieldMissing", "services.0.pages.0.link")),
        ({"name": "a", "origin": "b"}, ("FieldNotExpected", "origin")),
    ],
)  # fmt: skip
def test_sources_are_checked(call: Call, model: Any, fault: tuple[str, str]) -> None:
    made(call, "/sources", "sources", name="taken", external_id="taken")
    assert faults(call("POST", "/sources", json=[model])) == [fault]


def test_the_external_id_stays(call: Call) -> None:
    source = made(call, "/sources", "sources", name="a", external_id="x" * 36)
    path = f"/sources/{source['id']}"
    assert faults(call("PATCH", path, json={"external_id": "y"})) == [
        ("NotSupportedChoice", "external_id")
    ]
    assert call("PATCH", path, json={"external_id": "x" * 36}).status_code == 200


def test_sources_are_fifty_at_once_and_a_hundred_in_all(call: Call) -> None:
    models = [{"name": f"s{number}"} for number in range(51)]
    assert call("POST", "/sources", json=models).status_code == 422
    for _ in range(2):
        assert call("POST", "/sources", json=models[:50]).status_code == 200
    assert call("POST", "/sources", json=models[:1]).status_code == 400
    listed = call("GET", "/sources").json()["_embedded"]["sources"]
    assert len(listed) == 100
    changed = [{"id": one["id"], "name": "a"} for one in listed]
    assert call("PATCH", "/sources", json=changed[:51]).status_code == 422
    assert call("PATCH", "/sources", json=changed[:50]).status_code == 200


def test_sources_are_deleted_together_or_not_at_all(call: Call) -> None:
    known = made(call, "/sources", "sources", name="a")["id"]
    answer = call("DELETE", "/sources", json=[{"id": known}, {"id": 5}])
    body = answer.json()
    assert (answer.status_code, body["detail"]) == (400, "Invalid request items")
    assert body["errors"] == [
        {
            "request_id": "1",
            "errors": {
                "code": "EntityNotFound",
                "path": "id",
                "detail": "source with id = 5 not found",
            },
        }
    ]
    wrongs: list[Any] = [[], {}, [{}], [{"id": "5"}], [5]]
    for wrong in wrongs:
        assert call("DELETE", "/sources", json=wrong).status_code == 400
    assert call("DELETE", "/sources", json=[{"id": known}, {"id": known}]).status_code == 204
    assert call("GET", "/sources").status_code == 204


def test_an_integration_sees_only_its_own(
    call: Call, portal: Sandbox, session: requests.Session
) -> None:
    source = made(call, "/sources", "sources", name="a", external_id="one")
    template = made(call, "/chats/templates", "chat_templates", name="a", content="b")
    other = of_another(portal, session)
    for path in ("/sources", "/chats/templates", f"/sources/{source['id']}"):
        assert other("GET", path).status_code == 204
    assert other("GET", f"/chats/templates/{template['id']}").status_code == 404
    assert made(other, "/sources", "sources", name="a", external_id="one")


def pipeline(portal: Sandbox) -> int:
    return int(portal.account().main_pipeline["id"])


def test_a_button_goes_round(call: Call, portal: Sandbox, clock: ManualClock) -> None:
    assert call("GET", "/website_buttons").status_code == 204
    model = {"pipeline_id": pipeline(portal), "trusted_websites": ["shop.example"], "name": "B"}
    answer = call("POST", "/website_buttons", json=model)
    short = answer.json()
    assert (answer.status_code, set(short)) == (202, {"source_id", "trusted_websites"})
    path = f"/website_buttons/{short['source_id']}"
    pending = call("GET", path, params={"with": "scripts"}).json()
    assert (pending["creation_status"], pending["button_id"]) == ("creation_pending", None)
    assert pending["script"] is None
    clock.advance(1)
    button = call("GET", path).json()
    assert set(button) == {
        *("account_id", "source_id", "button_id", "is_duplication_control_enabled", "name"),
        *("creation_status", "pipeline_id", "_links"),
    }
    assert button["creation_status"] == "created"
    shown = call("GET", path, params={"with": "scripts,deleted"}).json()
    assert (shown["is_deleted"], str(button["button_id"]) in shown["script"]) == (False, True)
    body = call("GET", "/website_buttons").json()
    assert ("_total_items" in body, body["_page"]) == (False, 1)
    assert body["_links"]["self"]["href"].endswith("limit=250&page=1")
    changed = call("PATCH", path, json={"name": "C", "trusted_websites": {"add": ["b.example"]}})
    assert changed.json()["name"] == "C"
    chat = call("POST", f"{path}/online_chat")
    assert (chat.status_code, chat.content) == (202, b"")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"pipeline_id": None}, "pipeline_id"),
        ({"pipeline_id": 5}, "pipeline_id"),
        ({"trusted_websites": []}, "trusted_websites"),
        ({"trusted_websites": None}, "trusted_websites"),
        ({"trusted_websites": ["https://a.example/x"]}, "trusted_websites.0"),
        ({"trusted_websites": [5]}, "trusted_websites.0"),
        ({"trusted_websites": [f"s{one}.example" for one in range(11)]}, "trusted_websites"),
        ({"x": 1}, "x"),
    ],
)
def test_buttons_are_checked(
    call: Call, portal: Sandbox, change: dict[str, Any], path: str
) -> None:
    model = {"pipeline_id": pipeline(portal), "trusted_websites": ["a.example"], **change}
    model = {name: one for name, one in model.items() if one is not None}
    assert [one[1] for one in faults(call("POST", "/website_buttons", json=model))] == [path]


def test_a_button_in_an_app_needs_no_website(call: Call, portal: Sandbox) -> None:
    model = {"pipeline_id": pipeline(portal), "is_used_in_app": True}
    assert call("POST", "/website_buttons", json=model).status_code == 202


def test_a_button_trusts_ten_websites(call: Call, portal: Sandbox) -> None:
    sites = [f"s{one}.example" for one in range(10)]
    model = {"pipeline_id": pipeline(portal), "trusted_websites": sites[:9]}
    number = call("POST", "/website_buttons", json=model).json()["source_id"]
    path = f"/website_buttons/{number}"

    def add(*names: str) -> int:
        return call("PATCH", path, json={"trusted_websites": {"add": names}}).status_code

    assert add("a.example", "b.example") == 400
    assert add(sites[9], sites[0]) == 200
    assert add("a.example") == 400
    assert add("no domain") == 400
    whole = {"pipeline_id": pipeline(portal), "trusted_websites": sites}
    assert call("POST", "/website_buttons", json=whole).status_code == 202


def test_unknown_buttons(call: Call) -> None:
    assert call("GET", "/website_buttons/5").status_code == 404
    assert call("PATCH", "/website_buttons/5", json={"name": "a"}).status_code == 404
    assert call("POST", "/website_buttons/5/online_chat").status_code == 404


def test_a_contact_has_one_short_link(call: Call, portal: Sandbox) -> None:
    owner = {"entity_type": "contacts", "entity_id": portal.add("contacts", {})}
    models = [{"url": f"https://shop.example/{one}", "metadata": owner} for one in (1, 2)]
    body = call("POST", "/short_links", json=models).json()
    first, second = body["_embedded"]["short_links"]
    assert set(first) == {"url", "account_id", "metadata"}
    assert first["url"].startswith("https://amo.sh/")
    assert (first["url"], first["metadata"]) == (second["url"], owner)
    assert body["_links"]["self"]["href"] == "/api/v4/short_links"
    assert call("POST", "/short_links", json=models[:1] * 250).status_code == 200
    assert call("POST", "/short_links", json=models[:1] * 251).status_code == 422


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"url": None}, ("FieldMissing", "url")),
        ({"url": "shop"}, ("InvalidFormat", "url")),
        ({"metadata": None}, ("FieldMissing", "metadata")),
        ({"metadata": {"entity_id": 5}}, ("FieldMissing", "metadata.entity_type")),
        ({"metadata": {"entity_type": "cats", "entity_id": 5}},
         ("NotSupportedChoice", "metadata.entity_type")),
        ({"metadata": {"entity_type": "contacts", "entity_id": 5}},
         ("NotSupportedChoice", "metadata.entity_id")),
        ({"x": 1}, ("FieldNotExpected", "x")),
    ],
)  # fmt: skip
def test_short_links_are_checked(
    call: Call, portal: Sandbox, change: dict[str, Any], fault: tuple[str, str]
) -> None:
    owner = {"entity_type": "contacts", "entity_id": portal.add("contacts", {})}
    model = {"url": "https://shop.example", "metadata": owner, **change}
    model = {name: one for name, one in model.items() if one is not None}
    assert faults(call("POST", "/short_links", json=[model])) == [fault]


TEMPLATES = "/chats/templates"


def test_a_template_goes_round(call: Call, clock: ManualClock) -> None:
    assert call("GET", TEMPLATES).status_code == 204
    model = {
        "name": "Hello",
        "content": "Hello {{contact.name}}",
        "external_id": "t-1",
        "buttons": [{"type": "inline", "text": "Yes"}],
    }
    template = made(call, TEMPLATES, "chat_templates", **model)
    assert set(template) == {
        *("id", "account_id", "name", "content", "is_editable", "type", "buttons", "attachment"),
        *("created_at", "updated_at", "external_id", "waba_footer", "waba_category"),
        *("waba_language", "waba_examples", "waba_header", "waba_header_type"),
        *("request_id", "_links"),
    }
    assert {name: template[name] for name in model} == model
    assert (template["type"], template["waba_examples"]) == ("amocrm", [])
    assert (template["is_editable"], template["attachment"]) == (False, None)
    path = f"{TEMPLATES}/{template['id']}"
    clock.advance(5)
    assert call("PATCH", path, json={"name": "Bye"}).json()["name"] == "Bye"
    batch = call("PATCH", TEMPLATES, json=[{"id": template["id"], "content": "Bye"}])
    (item,) = batch.json()["_embedded"]["chat_templates"]
    assert (item["content"], item["updated_at"]) == ("Bye", template["updated_at"] + 5)
    found = call("GET", TEMPLATES, params={"filter[external_id]": "t-1"}).json()
    assert ("_total_items" in found, found["_page"]) == (False, 1)
    assert call("GET", TEMPLATES, params={"filter[external_id]": "x"}).status_code == 204
    assert call("DELETE", path).status_code == 204
    assert call("GET", path).status_code == 404
    assert call("DELETE", path).status_code == 404


def test_templates_are_deleted_together(call: Call) -> None:
    numbers = [
        made(call, TEMPLATES, "chat_templates", name="a", content="b")["id"] for _ in range(2)
    ]
    named = [{"id": one} for one in numbers]
    assert call("DELETE", TEMPLATES, json=[*named, {"id": 5}]).status_code == 400
    gone = call("DELETE", TEMPLATES, json=named)
    assert (gone.status_code, gone.content) == (204, b"")
    assert call("GET", TEMPLATES).status_code == 204


def test_fifty_templates_are_a_page(call: Call) -> None:
    models = [{"name": "a", "content": "b"}] * 51
    assert call("POST", TEMPLATES, json=models).status_code == 200
    assert len(call("GET", TEMPLATES).json()["_embedded"]["chat_templates"]) == 50
    assert call("GET", TEMPLATES, params={"limit": 50}).status_code == 200
    assert call("GET", TEMPLATES, params={"limit": 51}).status_code == 422


def test_templates_have_a_limit(call: Call, portal: Sandbox) -> None:
    shelf = portal.account().shelf(f"chat_templates/{portal.integration.client_id}")
    shelf |= {number: {"id": number} for number in range(MOST_TEMPLATES - 1)}
    model = {"name": "a", "content": "b"}
    assert call("POST", TEMPLATES, json=[model, model]).status_code == 422
    assert call("POST", TEMPLATES, json=[model]).status_code == 200
    assert call("POST", TEMPLATES, json=[model]).status_code == 422


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": None}, ("FieldMissing", "name")),
        ({"content": None}, ("FieldMissing", "content")),
        ({"type": "sms"}, ("NotSupportedChoice", "type")),
        ({"buttons": [{"type": "url", "text": "a"}]}, ("FieldMissing", "buttons.0.url")),
        ({"buttons": [{"type": "inline"}]}, ("FieldMissing", "buttons.0.text")),
        ({"attachment": {"id": "x", "name": "a", "type": "picture"}},
         ("NotSupportedChoice", "attachment.id")),
        ({"attachment": {"id": "x", "name": "a", "type": "song"}},
         ("NotSupportedChoice", "attachment.type")),
        ({"waba_header": "x" * 61}, ("TooLong", "waba_header")),
        ({"waba_header_type": "song"}, ("NotSupportedChoice", "waba_header_type")),
        ({"waba_category": "utility"}, ("NotSupportedChoice", "waba_category")),
        ({"waba_examples": "a"}, ("InvalidType", "waba_examples")),
        ({"status": "draft"}, ("FieldNotExpected", "status")),
    ],
)  # fmt: skip
def test_templates_are_checked(call: Call, change: dict[str, Any], fault: tuple[str, str]) -> None:
    model = {"name": "a", "content": "b", **change}
    model = {name: one for name, one in model.items() if one is not None}
    assert fault in faults(call("POST", TEMPLATES, json=[model]))


def test_attachments_are_files_of_the_account_or_outside(call: Call, portal: Sandbox) -> None:
    portal.account().drive.files["f-1"] = File(1, "f-1", {}, "v", 0, {})
    file = {"id": "f-1", "name": "a.png", "type": "picture"}
    outside = {**file, "id": "any", "is_external": True}
    for one in (file, outside):
        template = made(call, TEMPLATES, "chat_templates", name="a", content="b", attachment=one)
        assert template["attachment"] == one
    texts = {"waba_header": "x" * 60, "waba_examples": {"{{contact.name}}": "Ann"}}
    assert made(call, TEMPLATES, "chat_templates", name="a", content="b", **texts)


def test_a_whatsapp_template_is_reviewed_and_then_closed(call: Call) -> None:
    service = {"type": "whatsapp", "params": {"waba": True}}
    source = made(call, "/sources", "sources", name="a", services=[service])
    template = made(call, TEMPLATES, "chat_templates", name="a", content="b", type="waba")
    path = f"{TEMPLATES}/{template['id']}"
    draft = call("GET", path, params={"with": "reviews"}).json()
    assert (draft["review_status"], draft["is_on_review"]) == ("draft", False)
    assert "review_status" not in call("GET", path).json()
    assert call("PATCH", path, json={"content": "c"}).status_code == 200
    sent = call("POST", f"{path}/review", json={})
    (one,) = sent.json()["_embedded"]["reviews"]
    assert set(one) == {"id", "source_id", "status", "reject_reason"}
    assert (one["source_id"], one["status"]) == (source["id"], "review")
    assert call("GET", path, params={"with": "reviews"}).json()["is_on_review"] is True
    assert call("PATCH", path, json={"content": "d"}).status_code == 400
    at = f"{path}/review/{one['id']}"
    told = call("POST", at, json={"status": "rejected", "reject_reason": "x" * 65535}).json()
    assert (told["id"], told["status"]) == (one["id"], "rejected")
    wrongs: list[Any] = [
        {}, {"status": "draft"}, {"status": "rejected", "reject_reason": "x" * 65536},
    ]  # fmt: skip
    for wrong in wrongs:
        assert call("POST", at, json=wrong).status_code == 400
    assert call("POST", f"{path}/review/5", json={"status": "approved"}).status_code == 404
    shown = call("GET", path, params={"with": "reviews"}).json()
    assert (shown["review_status"], shown["is_on_review"]) == ("rejected", False)
    assert shown["_embedded"]["reviews"] == [told]


def test_only_whatsapp_templates_are_reviewed(call: Call) -> None:
    template = made(call, TEMPLATES, "chat_templates", name="a", content="b")
    assert call("POST", f"{TEMPLATES}/{template['id']}/review").status_code == 400
    assert call("POST", f"{TEMPLATES}/5/review").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *((one, "/sources") for one in ("GET", "POST", "PATCH", "DELETE")),
        *((one, "/sources/5") for one in ("GET", "PATCH", "DELETE")),
        *((one, "/website_buttons") for one in ("GET", "POST")),
        *((one, "/website_buttons/5") for one in ("GET", "PATCH")),
        ("POST", "/website_buttons/5/online_chat"),
        *((one, TEMPLATES) for one in ("GET", "POST", "PATCH", "DELETE")),
        *((one, f"{TEMPLATES}/5") for one in ("GET", "PATCH", "DELETE")),
        ("POST", f"{TEMPLATES}/5/review"),
        ("POST", f"{TEMPLATES}/5/review/5"),
    ],
)
def test_all_need_an_administrator(
    portal: Sandbox, session: requests.Session, method: str, path: str
) -> None:
    headers = {"Authorization": f"Bearer {portal.issue_long_lived(admin=False)}"}
    url = f"https://example.amocrm.ru/api/v4{path}"
    assert session.request(method, url, headers=headers, json=[]).status_code == 403
