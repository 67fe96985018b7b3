"""Forms of the portal's own pages: who sent one, where it goes on, and what it is told.

A page of another site cannot read the token of a form, and the cookie is not sent with the forms of
such a page. What became of a form is kept for the next page, so that no secret stands in an
address.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from amocrm.sandbox.control.action import RefusedError
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.http.request import IncomingRequest

COOKIE = "amocrm_sandbox"
TOKEN, NEXT = "_token", "_next"
"""Members of every form: its token, and the page that follows."""

_SESSION = re.compile(r"[0-9a-f]{32}")
_LOCAL_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]{0,1999}")
_MOST_NOTICES = 256


@dataclass(frozen=True)
class Notice:
    """What the next page tells about the last form.

    Attributes:
        action: the name of the action.
        error: why it was refused, "" if it was not.
        result: of the action.
    """

    action: str
    error: str = ""
    result: Json = field(default=None, repr=False)


class BrowserSessions:
    """Browsers that work with the pages of one portal."""

    def __init__(self) -> None:
        """Make the key of the tokens."""
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._notices: OrderedDict[str, Notice] = OrderedDict()

    def session_of(self, request: IncomingRequest) -> str | None:
        """Return the session that the cookie names, None without one."""
        session = request.cookie(COOKIE)
        return session if _SESSION.fullmatch(session) else None

    def start(self, request: IncomingRequest) -> tuple[str, str]:
        """Return a new session, and the `Set-Cookie` that names it."""
        # By "Strict" a link of another site would begin a new session: forms in other tabs end.
        session = secrets.token_hex(16)
        secure = "; Secure" if request.scheme == "https" else ""
        return session, f"{COOKIE}={session}; Path=/; HttpOnly; SameSite=Lax{secure}"

    def token(self, session: str) -> str:
        """Return the token that the forms of a session carry."""
        return hmac.new(self._key, session.encode(), hashlib.sha256).hexdigest()

    def check(self, request: IncomingRequest, token: str) -> str:
        """Return the session that a form belongs to.

        Raises:
            RefusedError: 403, as the form is of no page of this portal.
        """
        session = self.session_of(request)
        sent = token.encode("utf-8", "surrogatepass")
        if session is None or not hmac.compare_digest(self.token(session).encode(), sent):
            raise RefusedError(403, "The form is not of a page of this portal: open the page again")
        return session

    def leave(self, session: str, notice: Notice) -> None:
        """Keep a notice for the next page of a session."""
        with self._lock:
            self._notices[session] = notice
            self._notices.move_to_end(session)
            while len(self._notices) > _MOST_NOTICES:
                self._notices.popitem(last=False)

    def take(self, session: str) -> Notice | None:
        """Take the notice for the next page of a session; it is shown once."""
        with self._lock:
            return self._notices.pop(session, None)


def next_path(text: str) -> str:
    r"""Return the page that follows a form.

    Raises:
        RefusedError: 400, as it is no path of this portal: `//host`, `/\host`, an address.
    """
    if not text:
        return "/"
    if not _LOCAL_PATH.fullmatch(text):
        raise RefusedError(400, f"{NEXT} must be a path of this portal")
    return text
