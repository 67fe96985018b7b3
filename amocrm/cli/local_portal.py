"""A sandbox on this machine, until Ctrl-C: `sandbox serve` and `login --sandbox`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from amocrm.cli.logging_in import log_in_with_code, log_out
from amocrm.cli.profiles import Profile, Profiles, check_profile_name
from amocrm.cli.session import Session
from amocrm.cli.texts import tr
from amocrm.errors import AmoCRMError, ConfigurationError
from amocrm.sandbox.__main__ import details, run
from amocrm.sandbox.http.server import Served
from amocrm.sandbox.portal import Sandbox


def log_in_to_sandbox(session: Session, profiles: Profiles, name: str, port: int) -> None:
    """Serve a portal with the data of a small shop, and log in to it; log out at its end.

    Args:
        session: tells the person.
        profiles: of this user.
        name: of the profile, which lives as long as the portal.
        port: to listen on; 0 takes a free one.
    """
    check_profile_name(name)
    before, known = profiles.current(), profiles.all()
    if name in known and not known[name].base_url:
        raise ConfigurationError(
            f"the profile {name!r} is of {known[name].domain}", hint="choose another --name"
        )
    portal = Sandbox()
    portal.add_shop()

    def ready(served: Served) -> None:
        one = portal.integration
        profile = Profile(
            portal.account().host, one.client_id, one.client_secret, one.redirect_uri,
            base_url=served.url,
        )  # fmt: skip
        log_in_with_code(name, profile, profiles, lambda crm: portal.issue_code())
        session.say(
            tr(f"The portal is at {served.url}, the profile is {name!r}. Ctrl-C ends both.",
               f"Песочница: {served.url}, профиль: {name!r}. Ctrl-C завершит и то и другое.")
        )  # fmt: skip

    try:
        serve(portal, "127.0.0.1", port, ready)
    finally:
        if name in profiles.all():
            log_out(name, profiles)
        if before in profiles.all() and before is not None:
            profiles.use(before)


def serve(
    portal: Sandbox,
    host: str,
    port: int,
    ready: Callable[[Served], object],
    hosts: Sequence[str] = (),
    control: bool | None = None,
) -> None:
    """Serve a portal until SIGINT or SIGTERM.

    `control=True` serves `/_sandbox/` to everybody who reaches the port.

    Raises:
        AmoCRMError: it cannot listen there.
    """
    try:
        run(portal, host, port, ready, hosts=hosts, control=control)
    except (OSError, OverflowError) as error:
        raise AmoCRMError(f"cannot serve on {host}:{port}: {error}") from error


def populate(portal: Sandbox, leads: int, seed: int | None) -> None:
    """Fill every account with a plausible year.

    Raises:
        ConfigurationError: Faker is missing.
    """
    try:
        for account in portal.accounts:
            portal.populate(leads, 7 if seed is None else seed, account)
    except ImportError as error:
        raise ConfigurationError(str(error)) from error


def show_details(session: Session, portal: Sandbox, served: Served) -> None:
    """Write what a client needs to standard output, at once."""
    session.item(details(portal, served))
    sys.stdout.flush()
