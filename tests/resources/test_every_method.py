"""Each public method answers a wrong value with an error of ours, never a bare Python error."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from amocrm import (
    AmoCRM,
    AmoCRMError,
    ConfigurationError,
    Created,
    Integration,
    MemoryStore,
    Refused,
)
from amocrm.bulk.changes import Changes
from amocrm.bulk.listing import Listing
from amocrm.chats import Channel
from amocrm.resources.custom_fields.values import CustomFields
from amocrm.sandbox import Sandbox
from tests.docs.api_examples import MODELS, examples_of
from tests.docs.make_api import Section, methods, sections
from tests.docs.test_api import BEFORE, PHONE

DOMAIN: Final = "example.kommo.com"

WRONG: Final[list[Callable[[], Any]]] = [
    lambda: None, lambda: "text", lambda: "", lambda: 5, lambda: -1, lambda: True, lambda: 1.5,
    lambda: b"bytes", object, dict, lambda: {"a": 1}, lambda: {"id": 5}, lambda: {1: {2: [3]}},
    list, lambda: [[1]], lambda: [None], lambda: ["text"], lambda: [5], lambda: [{"id": 5}],
    lambda: {"id": 5, "custom_fields_values": 5, "_embedded": 5},
    lambda: {"id": 5, "custom_fields_values": [5, {"field_id": "a"}, {"values": 5}],
             "_embedded": {"tags": 5, "segments": 5}},
    lambda: {"id": 5, "custom_fields_values": [{"field_id": 5, "values": [5]}, {"field_id": []}],
             "_embedded": {"tags": [5], "segments": [5], "statuses": [5]}},
]  # fmt: skip
"""Makes values of every shape; a parameter takes few of them."""

MEANINGLESS: Final = (object, bytes)
"""Types that no write can carry: nothing is sent for them."""

FLAGS: Final = ("unique", "if_unchanged", "with_preview", "deleted")
"""Parameters of which only the truth counts."""


class Call(NamedTuple):
    """A method, with arguments that are right."""

    method: Callable[..., Any]
    args: list[Any]
    named: dict[str, Any]


class Slip(NamedTuple):
    """A call with one wrong argument."""

    name: str
    value: Any
    args: list[Any]
    named: dict[str, Any]


def right(method: Callable[..., Any], *args: Any, **named: Any) -> Call:
    return Call(method, list(args), named)


def slips(call: Call) -> Iterator[Slip]:
    """A call with each of its arguments made wrong in turn."""
    for at, parameter in enumerate(inspect.signature(call.method).parameters.values()):
        for make in WRONG:
            args, named, value = list(call.args), dict(call.named), make()
            if parameter.kind is parameter.VAR_POSITIONAL:
                args = [value]
            elif parameter.kind is not parameter.KEYWORD_ONLY and at < len(args):
                args[at] = value
            else:
                named[parameter.name] = value
            yield Slip(parameter.name, value, args, named)


def use(result: Any) -> None:
    """Read a little of what a method returns."""
    if isinstance(result, Changes):
        with result as changed:
            list(islice(changed, 3))
    elif isinstance(result, CustomFields):
        result.plain()
    elif isinstance(result, (Listing, Iterator)):
        list(islice(result, 3))
    elif isinstance(result, AbstractContextManager) and not isinstance(result, Path):
        with result:
            pass


def bare_errors(
    calls: Mapping[str, Call],
    portal: Sandbox,
    allowed: tuple[type[Exception], ...] = (),
    skipped: tuple[str, ...] = (),
) -> list[str]:
    """Make calls with wrong arguments; return which raised an error that is not ours, or wrote."""
    found: list[str] = []
    expected: tuple[type[Exception], ...] = (AmoCRMError, *allowed)
    for name, call in calls.items():
        for slip in slips(call):
            if slip.name in skipped:
                continue
            seen, error = len(portal.log), ""
            try:
                use(call.method(*slip.args, **slip.named))
            except Exception as raised:
                error = "" if isinstance(raised, expected) else f"raised {raised!r}"
            is_noise = type(slip.value) in MEANINGLESS and slip.name not in FLAGS
            if is_noise and any(one.method != "GET" for one in portal.log[seen:]):
                error = error or "was sent"
            if error:
                found.append(f"{name}({slip.name}={slip.value!r}) {error}")
    return found


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files named by a text are made in a folder of the test."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def portal() -> Sandbox:
    return Sandbox((DOMAIN,), rps=None)


@pytest.fixture
def crm(portal: Sandbox) -> Iterator[AmoCRM]:
    token = portal.issue_long_lived()
    with AmoCRM(
        DOMAIN, {"access_token": token}, session=portal.session(), rate_limiter=None
    ) as crm:
        yield crm


# Resources ---------------------------------------------------------------------------------------


class Variables(dict[str, Any]):
    """The variables of the examples; each is made when an example first needs it."""

    def __init__(self, crm: AmoCRM, portal: Sandbox) -> None:
        super().__init__(crm=crm)
        self._portal = portal
        self["lead"] = crm.leads.create({"name": "A"})["id"]
        self["contact"] = portal.add("contacts", {"name": "Ann", "custom_fields_values": [PHONE]})
        self["company"] = crm.companies.create({"name": "A"})["id"]
        self["pipeline"] = next(iter(crm.leads.pipelines.list()))["id"]

    def __missing__(self, name: str) -> Any:
        if name not in BEFORE:
            raise KeyError(name)
        for needed in {"transaction": ["customer"], "waiting": ["bot"]}.get(name, []):
            self[needed]
        self[name] = BEFORE[name](self["crm"], self._portal, self)
        return self[name]


def read_call(example: str, name: str, variables: Variables) -> Call:
    """The first call of a method in an example."""
    (call, *_) = (
        one for one in ast.walk(ast.parse(example))
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)
        and one.func.attr == name
    )  # fmt: skip

    def value(node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), "<example>", "eval"), {}, variables)

    named = {one.arg: value(one.value) for one in call.keywords if one.arg is not None}
    return Call(value(call.func), [value(one) for one in call.args], named)


def calls_of(section: Section, variables: Variables) -> dict[str, Call]:
    """All methods of a resource, as their examples call them."""
    kind, calls = section.kind.__name__, dict[str, Call]()
    for method in sorted(methods(section.kind), key=lambda name: name != "create"):
        example = examples_of(kind, section.first, method)
        calls[method] = read_call(example, method.rpartition(".")[2], variables)
        if method == "create":
            call = calls[method]
            made = call.method(*call.args, **call.named)
            number = MODELS[kind].number
            variables[number] = next(
                (made[key] for key in ("id", "uid", "source_id") if key in made), None
            )
    return calls


@pytest.mark.parametrize("section", sections(), ids=lambda one: one.first.expression)
def test_a_method_of_a_resource_raises_no_bare_error(
    section: Section, crm: AmoCRM, portal: Sandbox
) -> None:
    if section.first.expression == "customers.statuses":
        crm.customers.mode.set("periodicity", is_enabled=True)
    calls = calls_of(section, Variables(crm, portal))
    upload = calls.pop("upload", None)
    assert bare_errors(calls, portal) == []
    if upload is not None:  # As `open` does, it says with an OSError that there is no such file.
        found = bare_errors({"upload": upload}, portal, (FileNotFoundError,))
        assert [one for one in found if not one.startswith("upload(source=b'bytes')")] == []


SLIPS: Final[list[tuple[Callable[[Any], Any], str]]] = [
    (lambda crm: crm.leads(7).links.link("31"), "links must be a dict or a list of dicts, not str"),
    (lambda crm: crm.leads(7).links.link([31]), "each of links must be a dict, not int"),
    (lambda crm: crm.leads.list(params="a"), "params must be a dict, not str"),
    (lambda crm: crm.leads(7).events(filter=5), "filter must be a dict, not int"),
    (lambda crm: crm.leads.list(progress=5), "progress must be a function, not int"),
    (lambda crm: crm.leads.create_many([], progress="x"), "progress must be a function, not str"),
    (lambda crm: crm.leads.changes(checkpoint=5), "checkpoint must be the path of a file, not int"),
    (lambda crm: crm.leads.changes(checkpoint=""), "checkpoint is empty"),
    (lambda crm: crm.leads.create_many(5), "items must be a list or another iterable, not int"),
    (lambda crm: crm.leads.create_many(b"ab"), "items must be a list or another iterable, not byt"),
    (lambda crm: crm.leads.save_many({}), "pairs must be a list or another iterable, not dict"),
    (lambda crm: crm.leads.create({"nme": "A"}), "leads has no 'nme' (did you mean 'name'?)"),
    (lambda crm: crm.leads.create({"tags": "x"}), "leads has no 'tags' (it is a part of _"),
    (lambda crm: crm.contacts.find(phone="1", normal="x"), "normal must be a function, not str"),
    (lambda crm: crm.contacts.find_or_create("Ann", phone="1"), "contacts: expected a dict, not s"),
    (lambda crm: crm.contacts.duplicates(by=5), "by must name some of phone, email, name"),
    (lambda crm: crm.leads.pipelines.stage(5), "the name of a stage is a text, not int"),
    (lambda crm: crm.leads.pipelines.stage("A", pipeline=[1]), "the name of a pipeline is a text"),
    (lambda crm: crm.drive.download(5, "a"), "file must be the model of a file, as it was read, o"),
    (lambda crm: crm.drive.download("a", 5), "target must be a path or a binary file, not int"),
    (lambda crm: crm.drive.upload(b"a", name=5), "name must be a text, not int"),
    (lambda crm: crm.widgets.install("a", 5), "settings must be a dict, not int"),
    (lambda crm: crm.widgets.resume("bot", 1, 1, {}), "bot must be one of salesbot, ma"),
    (lambda crm: crm.connection.set_code("code", state=5), "the state must be a string"),
    (lambda crm: crm.request.get("/a", headers=5), "headers must be a dict, not int"),
]  # fmt: skip


@pytest.mark.parametrize(("slip", "message"), SLIPS, ids=[message for _, message in SLIPS])
def test_the_error_names_the_argument_and_nothing_is_written(
    crm: Any, portal: Sandbox, slip: Callable[[Any], Any], message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        slip(crm)
    assert str(caught.value).startswith(message)
    assert portal.log == []


@pytest.mark.parametrize(
    "after",
    [
        {"custom_fields_values": 5}, {"custom_fields_values": ["a"]},
        {"custom_fields_values": [{"field_id": 5, "values": "a"}]},
        {"custom_fields_values": [{"field_id": [5], "values": []}]},
        {"_embedded": {"tags": 5}}, {"_embedded": {"tags": ["vip"]}},
        {"_embedded": {"tags": [{}]}}, {"_embedded": {"segments": [{"name": "A"}]}},
    ],
)  # fmt: skip
def test_what_cannot_be_read_erases_nothing(
    crm: AmoCRM, portal: Sandbox, after: dict[str, Any]
) -> None:
    value = {"field_id": 5, "field_type": "text", "values": [{"value": "A"}]}
    before = {"id": 5, "custom_fields_values": [value], "_embedded": {"tags": [{"id": 1}]}}
    with pytest.raises(ConfigurationError):
        crm.leads.save(before, after)
    assert portal.log == []


def test_the_items_around_a_wrong_one_are_written(crm: Any, portal: Sandbox) -> None:
    outcomes = list(crm.leads.create_many([{"name": "A"}, "B", {"name": "C"}], size=3))
    assert [type(one) for one in outcomes] == [Created, Refused, Created]
    assert str(outcomes[1].error) == "item 1: an item must be a dict, not str"
    assert [one.path for one in portal.log if one.method == "POST"] == ["/api/v4/leads"]


# The client --------------------------------------------------------------------------------------


def test_a_method_of_a_client_raises_no_bare_error(crm: AmoCRM, portal: Sandbox) -> None:
    lead = crm.leads.create({"name": "A"})["id"]
    path, item, request = "/api/v4/leads", {"name": "A"}, crm.request
    calls = {
        "request": right(request, "GET", path),
        "request.get": right(request.get, path),
        "request.post": right(request.post, path, [item]),
        "request.patch": right(request.patch, f"{path}/{lead}", item),
        "request.put": right(request.put, f"{path}/{lead}/files", []),
        "request.delete": right(request.delete, "/api/v4/leads/loss_reasons/5"),
        "request.as_user": right(request.as_user, 1),
        "as_user": right(crm.as_user, 1),
        "with_options": right(crm.with_options, timeout=5, retry="never"),
        "listing": right(crm.listing, path),
        "create_many": right(crm.create_many, path, [item]),
        "update_many": right(crm.update_many, path, [{"id": lead, **item}]),
        "changes": right(crm.changes, "leads"),
        "on": right(crm.on, "request:done", print),
        "once": right(crm.once, "request:done", print),
        "off": right(crm.off, "request:done", print),
    }
    assert bare_errors({"on": calls.pop("on"), "once": calls.pop("once")}, portal) == []
    crm.off()
    found = bare_errors(calls, portal)
    # Bytes are sent as they are.
    assert [one for one in found if "(data=b'bytes') was sent" not in one] == []


def test_a_custom_field_raises_no_bare_error(crm: AmoCRM, portal: Sandbox) -> None:
    fields = crm.leads.custom_fields
    kinds = ("text", "numeric", "checkbox", "select", "multiselect", "date", "date_time", "url",
             "smartaddress", "birthday", "legal_entity", "textarea", "radiobutton", "streetaddress",
             "price", "monetary", "file", "linked_entity")  # fmt: skip
    names: list[str] = []
    for kind in kinds:
        more = (
            {"enums": [{"value": "A", "sort": 1}]}
            if "select" in kind or kind == "radiobutton"
            else {}
        )
        model: Any = {"name": f"My {kind}", "type": kind, **more}
        try:
            fields.create(model)
        except AmoCRMError:
            continue
        names.append(model["name"])
    calls = {"contacts": right(crm.contacts.cf({}).__setitem__, "PHONE", "+79990000000")}
    for name in names:
        calls[name] = right(crm.leads.cf({"id": 5}).__setitem__, name, None)
    assert len(names) > 10
    assert bare_errors(calls, portal) == []
    view = crm.contacts.cf({})
    reads = {"get": right(view.get, "PHONE"), "raw": right(view.raw, "PHONE")}
    assert bare_errors(reads, portal) == []


def test_a_method_of_a_connection_raises_no_bare_error(portal: Sandbox) -> None:
    one = portal.integration
    auth: Any = {
        "client_id": one.client_id, "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri, "code": portal.issue_code(),
    }  # fmt: skip
    with AmoCRM(DOMAIN, auth, session=portal.session(), rate_limiter=None) as crm:
        crm.connect()
        connection, token = crm.connection, crm.connection.get_token()
        calls = {
            "get_auth_url": right(connection.get_auth_url),
            "set_state": right(connection.set_state, "state"),
            "set_token": right(connection.set_token, token),
            "set_code": right(connection.set_code, "code"),
        }
        found = bare_errors(calls, portal)
        assert [one for one in found if not one.endswith("was sent")] == []


# Constructors ------------------------------------------------------------------------------------


def used(kind: Callable[..., Any], use: Callable[[Any], object]) -> Callable[..., None]:
    """A class, as a function that makes an object and uses it."""

    def make(*args: Any, **settings: Any) -> None:
        with kind(*args, **settings) as made:
            use(made)

    make.__signature__ = inspect.signature(kind)  # type: ignore[attr-defined] # pyright: ignore
    return make


def test_a_setting_raises_no_bare_error(portal: Sandbox) -> None:
    one, registered = portal.integration, portal.add_channel()
    code = {"code": portal.issue_code(), "state": "state", "referer": DOMAIN}
    client = used(AmoCRM, lambda made: made.request.get("/api/v4/account"))
    integration = used(Integration, lambda made: made.callback(code, "state"))
    channel = used(Channel, lambda made: made.connect(portal.account().amojo_id))
    common: Any = {"session": portal.session(), "rate_limiter": None}
    token = {"access_token": portal.issue_long_lived()}
    calls = {
        "AmoCRM": right(client, DOMAIN, token, **common),
        "Integration": right(
            integration, one.client_id, one.client_secret, one.redirect_uri,
            store=MemoryStore(), zone="kommo.com", **common,
        ),
        "Channel": right(
            channel, registered.id, registered.secret, zone="kommo.com", **common
        ),
    }  # fmt: skip
    found = bare_errors(calls, portal, skipped=("session", "clock"))
    assert [one for one in found if not one.endswith("was sent")] == []


def test_a_method_of_an_integration_raises_no_bare_error(portal: Sandbox) -> None:
    one = portal.integration
    with Integration(
        one.client_id, one.client_secret, one.redirect_uri, store=MemoryStore(),
        zone="kommo.com", session=portal.session(), rate_limiter=None,
    ) as integration:  # fmt: skip
        query = {"code": portal.issue_code(), "state": "state", "referer": DOMAIN}
        calls = {
            "account": right(integration.account, DOMAIN),
            "forget": right(integration.forget, DOMAIN),
            "consent_url": right(integration.consent_url, "state"),
            "callback": right(integration.callback, query, "state"),
            "removed": right(integration.removed, ""),
            "wsgi_app": right(integration.wsgi_app),
            "on": right(integration.on, "request:done", print),
            "off": right(integration.off, "request:done", print),
        }
        assert bare_errors(calls, portal) == []


# The Chats API -----------------------------------------------------------------------------------


def test_a_method_of_a_channel_raises_no_bare_error(portal: Sandbox) -> None:
    registered, account = portal.add_channel(), portal.account().amojo_id
    with Channel(
        registered.id, registered.secret, zone="kommo.com", session=portal.session(),
        rate_limiter=None,
    ) as channel:  # fmt: skip
        chats, ann = channel.connect(account), {"id": "u-1", "name": "Ann"}
        made = chats.send("hello", msgid="m-1", conversation_id="c-1", sender=ann)
        edit = {"conversation_id": "c-1", "msgid": "m-1"}
        calls = {
            "connect": right(channel.connect, account),
            "chats": right(channel.chats, "scope"),
            "open": right(chats.open, "c-1", ann),
            "send": right(chats.send, "hi", msgid="m-2", conversation_id="c-1", sender=ann),
            "edit": right(chats.edit, "hi", **edit),
            "set_delivery": right(chats.set_delivery, made["msgid"], 1),
            "typing": right(chats.typing, "c-1", "u-1"),
            "react": right(chats.react, "+", user={"id": "u-1"}, **edit),
            "history": right(chats.history, "c-1"),
            "disconnect": right(channel.disconnect, account),
        }
        assert bare_errors(calls, portal) == []
