"""What the shell completes: names of resources, filters, parts, orders, profiles.

They come from the table of resources: nothing is sent.
"""

from __future__ import annotations

import os
from typing import get_args

import click

from amocrm.cli.filters import RANGES
from amocrm.cli.profiles import Profiles, config_folder
from amocrm.cli.resources import resource_class, resource_names
from amocrm.errors import AmoCRMError
from amocrm.resources.endpoint import Endpoint
from amocrm.schema import enums


def resources(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a resource."""
    return _beginning(resource_names(), incomplete)


def filters(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete a filter's name, and the value where it is one of a closed set."""
    kinds = _endpoint(ctx).filters
    name, separator, _ = incomplete.partition("=")
    if separator:
        kind = kinds.get(name, "").partition(" ")[0]
        return _beginning([f"{name}={one}" for one in _codes(kind)], incomplete)
    found: list[str] = []
    for one, kind in kinds.items():
        if kind == "FieldFilters":
            found.append("cf.")
            continue
        found.append(f"{one}=")
        if kind in RANGES:
            found += [f"{one}.from=", f"{one}.to="]
    return _beginning(found, incomplete)


def withs(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the last of the names of parts."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{one}" for one in _beginning(list(_endpoint(ctx).withs), last)]


def orders(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete an order."""
    found = [text for one in _endpoint(ctx).orders for text in (one, f"{one}=desc")]
    return _beginning(found, incomplete)


def profiles(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a profile."""
    try:
        return _beginning(list(Profiles(config_folder(os.environ)).all()), incomplete)
    except AmoCRMError:
        return []


def _endpoint(ctx: click.Context) -> Endpoint:
    # An option without its value ends click's parsing, and the resource is left over.
    name = ctx.params.get("resource") or next(iter(ctx.args), "")
    found = resource_class(str(name))
    return Endpoint("") if found is None else found.endpoint


def _codes(kind: str) -> list[str]:
    return [str(one) for one in get_args(getattr(enums, kind, None))]


def _beginning(found: list[str], incomplete: str) -> list[str]:
    return [one for one in found if one.startswith(incomplete)]
