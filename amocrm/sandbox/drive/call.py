"""One authorized call to the Files service."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from amocrm.sandbox.data.state import Account, Ids
from amocrm.sandbox.drive.store import Drive, File
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.http.problem import ProblemError
from amocrm.sandbox.http.request import IncomingRequest

_HOST = re.compile(r"(?<=://)drive(-[a-z])?(?=\.)")


@dataclass(frozen=True)
class DriveCall:
    """A request to one account's files; `sign_token` makes the token of an upload address."""

    request: IncomingRequest
    account: Account
    user_id: int
    now: int
    ids: Ids
    sign_token: Callable[[dict[str, Json]], str]

    @property
    def drive(self) -> Drive:
        """The files of the account."""
        return self.account.drive

    @property
    def root(self) -> str:
        """Where addresses of the answer begin."""
        return f"{self.request.origin}/v1.0"

    @property
    def upload_root(self) -> str:
        """Where parts are sent to: the reference warns that it may be another host."""
        return _HOST.sub("drive-c", self.root)

    @property
    def author(self) -> dict[str, Json]:
        """The user of the token as a file names one."""
        return {"id": self.user_id, "type": "internal"}

    def file(self, uuid: str) -> File:
        """Return a file, also one in the bin.

        Raises:
            ProblemError: 404; Kommo's text says 204 (reference 12.3).
        """
        found = self.drive.files.get(uuid)
        if found is None:
            raise ProblemError(404, "File not found")
        return found
