"""Runs the checks in the order in which one depends on another."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from amocrm._support.clock import Clock, SystemClock
from amocrm.cli.doctor import access, local, network
from amocrm.cli.doctor.finding import Finding, failed
from amocrm.cli.keeping import last_run
from amocrm.cli.texts import tr
from amocrm.errors import AmoCRMError, ForbiddenError, PaymentRequiredError
from amocrm.http.hosts import portal
from amocrm.http.messages import Json
from amocrm.rate_limit.file import FileRateLimiter

if TYPE_CHECKING:
    from amocrm.cli.profiles import Profiles
    from amocrm.cli.settings import CalledAccount
    from amocrm.client import AmoCRM

Open = Callable[[], "AmoCRM"]


def examine(
    find_target: Callable[[], CalledAccount],
    open_client: Open,
    profiles: Profiles,
    clock: Clock | None = None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Finding]:
    """Check everything; yield each finding as it comes.

    Args:
        find_target: finds the account.
        open_client: opens its client.
        profiles: of this user.
        clock: for tests.
        variables: of the environment.
    """
    clock = clock or SystemClock()
    variables = os.environ if variables is None else variables
    yield local.check_program()
    try:
        target = find_target()
        place = portal(target.profile.domain, target.profile.base_url or None)
    except AmoCRMError as error:
        yield failed("profile", error)
        return
    yield Finding("profile", "ok", f"{target.name or tr('none', 'нет')}: {place.account}")
    yield from _network(place.origin, clock, variables)
    yield local.check_store(profiles.tokens)
    limiter, path = FileRateLimiter(profiles.rate_limits), profiles.rate_limits
    yield local.check_rate_limiter(limiter, path, place.account.partition(".")[2], clock)
    yield local.check_keepalive(last_run(profiles), clock.time())
    yield local.check_redirect_uri(target.profile.redirect_uri)
    yield from _account(open_client, target, clock)


def _network(origin: str, clock: Clock, variables: Mapping[str, str]) -> Iterator[Finding]:
    proxy = network.find_proxy(origin)
    yield network.check_proxy(proxy)
    yield network.check_dns(urlsplit(origin).hostname or "", network.port_of(origin), proxy)
    greeting: network.Greeting | Exception
    try:
        greeting = network.greet(origin, proxy, clock, variables)
    except (OSError, HTTPException) as error:
        greeting = error
    yield network.check_connection(greeting, clock.time(), variables)
    yield network.check_clock(greeting)


def _account(open_client: Open, target: CalledAccount, clock: Clock) -> Iterator[Finding]:
    """Check what needs a token: nothing more is asked after a call that failed."""
    account: Mapping[str, Json] | AmoCRMError
    try:
        crm = open_client().with_options(retry="never")  # It tells what is, and does not wait.
        try:
            account = cast("Mapping[str, Json]", crm.account.get(with_=["is_api_filter_enabled"]))
        except AmoCRMError as error:
            account = error
        status = crm.connection.status()
    except AmoCRMError as error:
        yield failed("token", error)
        return
    token = crm.connection.get_token() or {}
    claims = access.read_claims(str(token.get("access_token", "")))
    yield access.check_token(status, claims, clock.time())
    if token:
        yield access.check_scopes(claims)
    if isinstance(account, AmoCRMError):
        yield failed("account", account)
        return
    yield access.check_account(account, status, target.profile.account_id)
    yield access.check_plan(account)
    yield _webhooks(crm)


def _webhooks(crm: AmoCRM) -> Finding:
    try:
        return access.check_webhooks(cast("Iterator[Mapping[str, Json]]", crm.webhooks.list()))
    except PaymentRequiredError:
        return Finding("webhooks", "skipped", tr("the plan has none", "их нет в тарифе"))
    except ForbiddenError:
        found = tr("only administrators see them", "их видят только администраторы")
        return Finding("webhooks", "skipped", found)
    except AmoCRMError as error:
        return failed("webhooks", error)
