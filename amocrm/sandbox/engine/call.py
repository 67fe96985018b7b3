"""One authorized API call."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from amocrm.sandbox.data.state import Account, Ids
from amocrm.sandbox.engine.history import History
from amocrm.sandbox.engine.writing import Writer
from amocrm.sandbox.http.problem import ProblemError
from amocrm.sandbox.http.request import IncomingRequest
from amocrm.sandbox.oauth.tokens import Grant


@dataclass(frozen=True)
class Call:
    """An authorized request to `/api/v4` of one account."""

    request: IncomingRequest
    account: Account
    grant: Grant
    now: int
    ids: Ids
    counters: Counter[str]

    @property
    def root(self) -> str:
        """Where links of the answer begin: scheme and host of the request."""
        return f"{self.request.origin}/api/v4"

    @property
    def writer(self) -> Writer:
        """Writes in the name of the token's user."""
        grant = self.grant
        return Writer(self.account, self.ids, grant.user_id, self.now, grant.client_id)

    @property
    def history(self) -> History:
        """Records events in the name of the token's user."""
        return self.writer.history

    def need_admin(self) -> None:
        """Refuse a user who is not an administrator.

        Raises:
            ProblemError: 403 (reference 4, conventions).
        """
        if not self.account.users[self.grant.user_id].is_admin:
            raise ProblemError(403, "Forbidden")
