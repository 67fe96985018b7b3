"""Uploading: a session is opened, and parts go one after another to the address told last.

What is known when the answer to a part is lost: whether the part was taken, nobody can tell, and
whether its address takes it again is not documented. But a session that does not end leaves
nothing behind. So the upload begins anew in another session, if the source can be read again; and
only where the last part is in doubt, the file may be there: it is looked for by its session, and
if it is not found, the outcome is told to be unknown. Source: reference 7.
"""

from __future__ import annotations

from mimetypes import guess_type
from typing import Final, NamedTuple

from amocrm.bulk.context import ApiContext
from amocrm.bulk.pages import ShapeError, find_list, page_limit
from amocrm.errors import (
    AmoCRMError,
    ConfigurationError,
    LostReplyError,
    NotFoundError,
    OutcomeUnknownError,
    UnexpectedReplyError,
)
from amocrm.http.error_mapping import unexpected_response
from amocrm.http.messages import Json, Retry, Timeout
from amocrm.http.request import Request, usual_retry
from amocrm.http.retry import RetryState, backoff
from amocrm.http.transport.transport import Response
from amocrm.progress import ProgressMeter, Report
from amocrm.resources.files.host import led_to, time_for
from amocrm.resources.files.upload_source import UploadSource
from amocrm.resources.resource import read_id

SESSIONS: Final = 3
"""Sessions that are opened at most for one upload."""

_SESSIONS: Final = "/v1.0/sessions"
_FILES: Final = "/v1.0/files"
_PART: Final = f"{_SESSIONS}/upload/..."


class Wanted(NamedTuple):
    """What is to become of an upload.

    Attributes:
        name: of the file, with its extension.
        content_type: of the content; None is guessed from the name.
        new_version_of: uuid of the file that it becomes a version of; None for a new file.
        with_preview: make a small picture of a picture.
        timeout: of each call; None is the client's, with more time for a part to get out.
    """

    name: str
    content_type: str | None = None
    new_version_of: str | None = None
    with_preview: bool = False
    timeout: float | Timeout | None = None


class _Session(NamedTuple):
    id: Json
    at: Request
    address: str
    part: int


class _BrokenError(Exception):
    """A session has to be given up: `why`, and whether the last part was under way."""

    def __init__(self, why: OutcomeUnknownError | NotFoundError, *, at_last: bool) -> None:
        super().__init__()
        self.why = why
        self.at_last = at_last


class Upload:
    """One upload.

    Args:
        api: to the host of the files.
        source: what is uploaded.
        wanted: what is to become of it.
        report: is told how far it has come, in bytes.

    Raises:
        ConfigurationError: the file is empty, or larger than amoCRM is known to take.
    """

    def __init__(
        self, api: ApiContext, source: UploadSource, wanted: Wanted, report: Report | None
    ) -> None:
        self._api = api
        self._source = source
        self._wanted = wanted
        self._meter = ProgressMeter(report, api.clock, source.size)
        self._type = wanted.content_type or guess_type(wanted.name)[0]
        if not source.size:
            raise ConfigurationError(
                f"{wanted.name} is empty, and an empty file cannot be uploaded"
            )

    def run(self) -> Json:
        """Send it, and return the file's model.

        Raises:
            ConfigurationError: the file is too large, or the source is not of its size.
            OutcomeUnknownError: the answer to the last part was lost, and the file is not found.
            LostReplyError: the answer to another part was lost, and that too often: it is not
                uploaded.
        """
        may_repeat = self._source.rewindable and usual_retry(self._api.request) != "never"
        most, opened = SESSIONS if may_repeat else 1, 0
        while True:
            session = self._open()
            opened += 1
            try:
                return self._send(session)
            except _BrokenError as broken:
                why = broken.why
                if broken.at_last:
                    if (found := self._find(session)) is not None:
                        return found
                    if isinstance(why, OutcomeUnknownError):
                        raise why from why.__cause__
                if opened == most:
                    raise _told(why) from why
            self._meter.done = 0
            self._meter.wait("a new session")
            self._api.clock.sleep(backoff(RetryState(opened)))

    def _open(self) -> _Session:
        wanted, request = self._wanted, self._api.request
        model: dict[str, Json] = {"file_name": wanted.name, "file_size": self._source.size}
        if self._type is not None:
            model["content_type"] = self._type
        if wanted.new_version_of is not None:
            model["file_uuid"] = wanted.new_version_of
        if wanted.with_preview:
            model["with_preview"] = True
        # A session that is opened for nothing leaves nothing behind.
        retry: Retry = "never" if usual_retry(request) == "never" else "always"
        response = request.post(_SESSIONS, model, timeout=wanted.timeout, retry=retry)
        at = led_to(request, response, "upload_url", "POST", _SESSIONS, _PART)
        part, largest = response.data.get("max_part_size"), response.data.get("max_file_size")
        if type(part) is not int or part <= 0:
            raise _odd(_SESSIONS, response, "no size of a part")
        self._check_size(largest)
        return _Session(response.data.get("session_id"), at, response.data["upload_url"], part)

    def _send(self, session: _Session) -> Json:
        at, address, left = session.at, session.address, self._source.size
        for number, part in enumerate(self._source.parts(session.part), 1):
            left -= len(part)
            self._meter.wait(f"part {number}")
            try:
                response = self._post(at, address, part)
            except (OutcomeUnknownError, NotFoundError) as why:
                raise _BrokenError(why, at_last=not left) from why
            if not left:
                self._meter.add(len(part))
                return self._whole(response)
            at = led_to(at, response, "next_url", "POST", _PART, _PART)
            address = response.data["next_url"]
            self._meter.add(len(part))
        raise AssertionError("an upload has a part")

    def _post(self, at: Request, address: str, part: bytes) -> Response:
        given = self._wanted.timeout
        limits = time_for(at, len(part)) if given is None else given
        headers = {"Content-Type": self._type or "application/octet-stream"}
        return at.post(address, part, headers=headers, timeout=limits)

    def _whole(self, response: Response) -> Json:
        data: Json = response.data
        if not isinstance(data, dict) or "uuid" not in data:
            raise _odd(_PART, response, "no file after the last part")
        if data.get("size") != self._source.size:
            raise _odd(_PART, response, f"a file of {data.get('size')} bytes instead of all")
        return data

    def _find(self, session: _Session) -> Json:
        """Look for the file that a session has made; None if it is not to be found."""
        request, uuid = self._api.request, self._wanted.new_version_of
        name = self._wanted.name
        try:
            if uuid is not None:
                found = [request.get(f"{_FILES}/{read_id(uuid, 'files', text=True)}").data]
            else:
                term = {"term": name.rpartition(".")[0] or name}
                asked = {"filter": term, "limit": page_limit(_FILES)}
                found = find_list(request.get(_FILES, asked).data, _FILES)
        except (AmoCRMError, ShapeError):
            return None
        made = (one for one in found if isinstance(one, dict) and session.id is not None)
        return next((one for one in made if one.get("session_id") == session.id), None)

    def _check_size(self, largest: Json) -> None:
        size = self._source.size
        if type(largest) is int and 0 < largest < size:
            raise ConfigurationError(
                f"{self._wanted.name} has {size} bytes, and amoCRM takes {largest} at most"
            )


def _told(why: OutcomeUnknownError | NotFoundError) -> AmoCRMError:
    """Say of an upload that broke off what is known: nothing is left of it."""
    if isinstance(why, NotFoundError):
        return why
    return LostReplyError(
        f"{why.args[0]}; the file is not uploaded",
        hint="an upload that does not end leaves nothing behind: try it again",
    )


def _odd(path: str, response: Response, what: str) -> UnexpectedReplyError:
    info = response.info
    return unexpected_response(
        "POST", path, what, status=info.status_code, request_id=info.headers.get("X-Request-Id")
    )
