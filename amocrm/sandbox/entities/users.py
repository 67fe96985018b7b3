"""Users of an account (reference 4.19, 5.8)."""

from __future__ import annotations

import re
from dataclasses import replace
from uuid import NAMESPACE_URL, uuid5

from amocrm.api_limits import USERS_LIMIT
from amocrm.sandbox.data.state import Account, Entity, User
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.collection import Collection, Entities, Operation, Route, Verb
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import Prop, Schema, ignoring
from amocrm.sandbox.engine.validate import read_models
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import Answer, Json
from amocrm.sandbox.http.problem import ProblemError
from amocrm.sandbox.values.rights import USER_RIGHTS, check_rights, filled, stages_of

MOST_USERS = 100
"""With more users than this an account gets no new ones through the API (reference 3.5)."""

_NAME = re.compile(r"[\w .@-]+")
_EMAIL = re.compile(r"[^@\s]+@(?:[^@\s.]+\.)+[^@\s.]+")
_PASSWORD = (re.compile(r".{6,}"), re.compile(r"\d"), re.compile(r"[a-z]"), re.compile(r"[A-Z]"))


_KEYS = ("id", "name", "email", "lang", "rights")
_WITH_KEYS = ("uuid", "amojo_id", "user_rank", "phone_number")


def _stored(operation: Operation) -> Entities:
    return {number: {"id": number} for number in operation.account.users}


def _check(
    operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
) -> None:
    if "name" in model and not _NAME.fullmatch(model["name"]):
        errors.add("InvalidFormat", "name", "This value is not valid.")
    email = model.get("email", "a@b.c")
    if not _EMAIL.fullmatch(email):
        errors.add("InvalidFormat", "email", "This value is not a valid email address.")
    elif any(one.email == email for one in operation.account.users.values()):
        errors.no_choice("email")  # Assumed (reference 4.19): how a taken address is refused.
    if not all(one.search(model.get("password", "aA1aA1")) for one in _PASSWORD):
        errors.add("InvalidFormat", "password", "This value is not valid.")
    if model.get("lang") == "pt" and operation.account.zone != "kommo.com":
        errors.no_choice("lang")
    rights = model.get("rights", {})
    check_rights(rights, operation.account, errors)
    if rights.get("role_id") is not None and rights["role_id"] not in operation.account.shelf(
        "roles"
    ):
        errors.no_choice("rights.role_id")
    if rights.get("group_id") not in (None, *operation.account.shelf("users_groups")):
        errors.no_choice("rights.group_id")


def _make(operation: Operation, model: Entity) -> Entity:
    account, number = operation.account, operation.call.ids.take("users")
    language = "ru" if account.zone.endswith(".ru") else "en"
    rights = dict(model.get("rights", {}))
    is_free = rights.get("is_free", False)
    role_id = None if is_free else rights.get("role_id")
    if role_id is not None:
        # The role decides about everything that it knows.
        rights |= account.shelf("roles")[role_id]["rights"]
    account.users[number] = User(
        id=number,
        name=model["name"],
        is_admin=rights.get("is_admin", False),
        email=model["email"],
        lang=model.get("lang", language),
        is_active=rights.get("is_active", True),
        is_free=is_free,
        group_id=(not is_free and rights.get("group_id")) or 0,
        role_id=role_id,
        rights=rights,
    )
    return {"id": number}


def _show(operation: Operation, entity: Entity, listing: ListingQuery) -> Entity:
    user = operation.account.users[entity["id"]]
    shown: Entity = {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "lang": user.lang,
        "rights": _rights(user, operation.account),
    }
    optional = {
        "uuid": str(uuid5(NAMESPACE_URL, f"user-{user.id}")),
        "amojo_id": user.amojo_id,
        "user_rank": "candidate",
        "phone_number": None,
    }
    shown |= {name: one for name, one in optional.items() if name in listing.withs}
    shown["_links"] = {"self": {"href": operation.href(entity)}}
    embedded = _embedded(operation, user, listing)
    return {**shown, "_embedded": embedded} if embedded else shown


def _rights(user: User, account: Account) -> Entity:
    given = {} if user.is_admin else user.rights
    rights = filled(given, "A" if user.is_admin else "D")
    if not user.is_admin:
        rights["status_rights"] = stages_of(account, rights["status_rights"])
    return {
        **rights,
        "is_admin": user.is_admin,
        "is_free": user.is_free,
        "is_active": user.is_active,
        "group_id": user.group_id or None,
        "role_id": user.role_id,
    }


def _embedded(operation: Operation, user: User, listing: ListingQuery) -> Entity:
    root = operation.call.root
    role = operation.account.shelf("roles").get(user.role_id)
    embedded: dict[str, Json] = {}
    if "role" in listing.withs:
        embedded["roles"] = [] if role is None else [_named(role["id"], role["name"], root)]
    if "group" in listing.withs:
        group = operation.account.shelf("users_groups").get(user.group_id)
        embedded["groups"] = (
            [] if group is None else [{name: group[name] for name in ("id", "name")}]
        )
    return embedded


def _named(number: int, name: str, root: str) -> Entity:
    return {"id": number, "name": name, "_links": {"self": {"href": f"{root}/roles/{number}"}}}


def activate(call: Call) -> Answer:
    """Answer `POST /users/activate`: 202 with an empty body of type `text/html`."""
    _switch(call, is_active=True)
    return Answer(202, (("Content-Type", "text/html; charset=utf-8"),))


def deactivate(call: Call) -> Answer:
    """Answer `POST /users/deactivate`: the user's tokens are of no use from now on."""
    _switch(call, is_active=False)
    return Answer(204)


def _switch(call: Call, *, is_active: bool) -> None:
    def check(model: Entity, errors: ValidationErrors) -> None:
        user = call.account.users.get(model.get("id", 0))
        if user is not None and user.is_admin:
            errors.no_choice("id")  # Assumed (reference 4.19): how an administrator is refused.

    schema: Schema = {**ignoring(*_KEYS, *_WITH_KEYS, "_links", "_embedded"), "id": "int!"}
    models = read_models(call.request.json(), schema, limit=USERS_LIMIT, check=check)
    numbers = [one["id"] for one in models]
    strangers = [str(one) for one in numbers if one not in call.account.users]
    if strangers:
        listed = ", ".join(strangers)
        detail = f"User(s) {listed} are not associated with provided account."
        raise ProblemError(400, detail)
    for number in numbers:
        call.account.users[number] = replace(call.account.users[number], is_active=is_active)


def _guard(operation: Operation) -> None:
    is_closed = (
        operation.call.request.method == "POST" and len(operation.account.users) > MOST_USERS
    )
    if is_closed:
        raise ProblemError(403, "Forbidden")  # Assumed (reference 4.19): the status.


USERS = Collection(
    path="/users",
    key="users",
    verbs={
        "list": Verb(total=True, admin=True),
        "one": Verb(admin=True),
        "create": Verb(status=201, total=True, most=USERS_LIMIT, admin=True),
    },
    keys=_KEYS,
    with_keys=_WITH_KEYS,
    embeds=("roles", "groups"),
    create={
        "name": Prop("string", required=True, filled=True, longest=50),
        "email": "string!",
        "password": "string!",
        "lang": Prop("string", choices=("ru", "en", "es", "pt")),
        "rights": Prop("object", inner=USER_RIGHTS),
    },
    unknown=404,
    stored=_stored,
    guard=_guard,
    check=_check,
    make=_make,
    show=_show,
)

ROWS = (
    Route("POST", "/users/activate", activate, admin=True),
    Route("POST", "/users/deactivate", deactivate, admin=True),
    USERS,
)
