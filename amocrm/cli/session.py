"""What the commands of one run share: the options, the profiles, the client, the output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from amocrm.cli import loaded
from amocrm.errors import printable

if TYPE_CHECKING:
    from amocrm.cli.profiles import Profiles
    from amocrm.cli.settings import CalledAccount
    from amocrm.client import AmoCRM
    from amocrm.http.messages import Json
    from amocrm.http.stats import Done

FORMATS: Final = ("table", "json", "jsonl", "csv")


class Session:
    """One run of the program. A context of click has it as `obj`; `pass_session` hands it over.

    Attributes:
        profile: the name that `--profile` gives; None without one.
        output: the format of rows; None for the usual one.
        as_user: id of the user who is the author of changes; None for the one who gave consent.
        no_input, yes, quiet, verbose: flags.
    """

    def __init__(self) -> None:
        self.profile: str | None = None
        self.output: str | None = None
        self.as_user: int | None = None
        self.no_input = False
        self.yes = False
        self.quiet = False
        self.verbose = False
        self._opened: AmoCRM | None = None
        self._target: CalledAccount | None = None

    def __repr__(self) -> str:
        return f"<Session of {self.profile or 'the chosen profile'}>"

    @property
    def format(self) -> str:
        """The format of rows: the one asked for, else a table on a terminal and jsonl elsewhere."""
        return self.output or ("table" if sys.stdout.isatty() else "jsonl")

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked."""
        return not self.no_input and sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def shows_progress(self) -> bool:
        """Whether a progress bar is wanted: on a terminal only."""
        return not self.quiet and sys.stderr.isatty()

    def profiles(self) -> Profiles:
        """Return the profiles of this user."""
        return loaded.profiles.Profiles(loaded.profiles.config_folder(os.environ))

    def target(self) -> CalledAccount:
        """Return the account that commands call."""
        if self._target is None:
            self._target = loaded.settings.find_target(self.profiles(), self.profile, os.environ)
        return self._target

    def crm(self) -> AmoCRM:
        """Return the client of the account; `close` closes it. Nothing is sent.

        Raises:
            NotAuthorizedError: nobody has logged in.
        """
        if self._opened is None:
            self._opened = loaded.opening.open_client(self.target(), self.profiles())
            if self.verbose:
                self._opened.on("request:done", self._report)
        return self._opened if self.as_user is None else self._opened.as_user(self.as_user)

    def close(self) -> None:
        """Close the client, if it was opened."""
        if self._opened is not None:
            self._opened.close()

    def rows(
        self, rows: Iterable[Mapping[str, Json]], columns: Sequence[str] | None = None
    ) -> None:
        """Write rows to standard output in the format asked for, as they come.

        Args:
            rows: read one by one, so any number of them takes the same memory.
            columns: of a table and of csv; those of the first row, if none are given.
        """
        loaded.output.write_rows(rows, self.format, columns)

    def item(self, item: Mapping[str, Json]) -> None:
        """Write one item: on a terminal its members below each other."""
        loaded.output.write_item(item, self.format)

    def say(self, text: str) -> None:
        """Tell the person something, on standard error; not with `--quiet`."""
        if not self.quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Tell the person something on standard error, in one line."""
        sys.stderr.write(f"{printable(text)}\n")

    def confirm(self, question: str) -> bool:
        """Ask the person; yes with `--yes`.

        Raises:
            ConfigurationError: nobody can be asked.
        """
        return self.yes or loaded.asking.confirm(question, can_ask=self.interactive)

    def _report(self, done: Done) -> None:
        status = "no response" if done.status is None else done.status
        waited = f", after {done.wait:.1f} s" if done.wait else ""
        took = f"{done.duration * 1000:.0f} ms{waited}"
        self.warn(f"{done.method} {done.path} {status} in {took} [request {done.request_id}]")
