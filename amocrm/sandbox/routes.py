"""Addresses of the API and who answers them; a wrong method is 405, a wrong path 404."""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule

from amocrm.sandbox import company, complex_leads, entities, fields
from amocrm.sandbox.answer import Answer
from amocrm.sandbox.call import Call
from amocrm.sandbox.drive import attachments
from amocrm.sandbox.problem import ProblemError, not_found

_ANY = "<any(leads,contacts,companies):family>"

_TABLE: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", "/account", company.get_account),
    ("GET", "/leads/pipelines", company.list_pipelines),
    ("GET", "/leads/pipelines/<int:number>", company.get_pipeline),
    ("GET", "/leads/pipelines/<int:number>/statuses", company.list_statuses),
    ("POST", "/leads/complex", complex_leads.create_complex),
    ("GET", f"/{_ANY}/custom_fields", fields.list_fields),
    ("POST", f"/{_ANY}/custom_fields", fields.create_fields),
    ("PATCH", f"/{_ANY}/custom_fields", fields.patch_fields),
    ("GET", f"/{_ANY}/custom_fields/<int:number>", fields.get_field),
    ("PATCH", f"/{_ANY}/custom_fields/<int:number>", fields.patch_field),
    ("DELETE", f"/{_ANY}/custom_fields/<int:number>", fields.delete_field),
    ("GET", f"/{_ANY}", entities.list_entities),
    ("POST", f"/{_ANY}", entities.create_entities),
    ("PATCH", f"/{_ANY}", entities.patch_entities),
    ("GET", f"/{_ANY}/<int:number>", entities.get_entity),
    ("PATCH", f"/{_ANY}/<int:number>", entities.patch_entity),
    ("GET", f"/{_ANY}/<int:number>/files", attachments.list_attached),
    ("PUT", f"/{_ANY}/<int:number>/files", attachments.attach),
    ("DELETE", f"/{_ANY}/<int:number>/files", attachments.detach),
    ("GET", "/files/<uuid>/links", attachments.list_owners),
)

_MAP = Map(
    [Rule(path, methods=[method], endpoint=handler) for method, path, handler in _TABLE],
    strict_slashes=False,
    redirect_defaults=False,
    merge_slashes=False,
)


def dispatch(call: Call) -> Answer:
    """Let the right handler answer a call.

    Raises:
        ProblemError: 404 and 405 (reference 3.3), or whatever the handler refuses.
    """
    if call.ask.method == "HEAD":
        # werkzeug would let it pass as a GET; the reference knows no HEAD.
        raise ProblemError(405, "Method Not Allowed")
    path = call.ask.path.removeprefix("/api/v4")
    try:
        handler, arguments = _MAP.bind("portal").match(path, method=call.ask.method)
    except MethodNotAllowed:
        raise ProblemError(405, "Method Not Allowed") from None
    except NotFound:
        raise not_found(call.ask.method, call.ask.url) from None
    answer: Answer = handler(call, **arguments)
    return answer
