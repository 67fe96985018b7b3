"""Files: the Files service of the account. Source: reference 4.29, 7."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias, TypedDict, overload

from amocrm._support.arguments import check_function, check_text
from amocrm.errors import ConfigurationError, NotFoundError
from amocrm.http.messages import Json, Timeout
from amocrm.resources import lazy
from amocrm.resources.lazy import ResourceOwner
from amocrm.resources.reply_parts import list_in
from amocrm.resources.verbs import Edits, Lists

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from amocrm.progress import Report
    from amocrm.resources.files.downloads import Writable
    from amocrm.resources.files.upload_source import Content
    from amocrm.resources.filter_values import (
        DateRange,
        FileAuthor,
        Id,
        Present,
        SizeRange,
        Text,
        Uuids,
    )
    from amocrm.schema.drive import File, FileOwner, FilePatch, FileVersion

FileWith: TypeAlias = Literal["deleted", "unbilled"]


class FileFilter(TypedDict, total=False):
    """What files can be filtered by.

    `term`: a part of the file's name, or of the name
    of an entity that has it. `deleted`: those in the bin alone. Users: -1 is a client, 0 a robot.
    """

    uuid: Uuids
    name: Text
    extensions: Text | Iterable[Text]
    term: Text
    source_id: Id
    deleted: Present
    size: SizeRange
    date: DateRange
    created_by: FileAuthor | Iterable[FileAuthor]
    updated_by: FileAuthor | Iterable[FileAuthor]


class Drive(
    Lists["File", FileFilter, FileWith, NoReturn], Edits["File", NoReturn, "FilePatch", "File"],
    path="files", source="7", text_id=True,
):  # fmt: skip
    """Files of the account, named by their uuid. The integration needs the scope `files`.

    They are at a host of their own. The account tells which one when it is first needed, and the
    token goes there only if it is one of amoCRM's; so it is with each address that the host names.
    What is attached to an entity is at the entity: `crm.leads(42).files.attach(uuid)`.
    """

    __slots__ = ("_account",)
    _id_name = "uuid"

    def __init__(self, owner: ResourceOwner, path: str) -> None:
        super().__init__(owner, path)
        self._account = owner
        self._api = owner._context.files(owner._api)
        self._path = "/v1.0/files"

    def rename(self, uuid: str, name: str) -> File:
        """Give a file another name, which is without its extension.

        Raises:
            NotFoundError: there is none.
        """
        file: File = self._api.request.patch(self._item(uuid), {"name": name}).data
        return file

    def activate(self, uuid: str, version_uuid: str) -> File:
        """Make another version of a file the one that is shown.

        Raises:
            NotFoundError: there is no such file.
            ValidationError: it has no such version.
        """
        file: File = self._api.request.patch(self._item(uuid), {"version_uuid": version_uuid}).data
        return file

    def versions(self, uuid: str) -> list[FileVersion]:
        """Return all versions of a file.

        Raises:
            NotFoundError: there is no such file.
        """
        path = f"{self._item(uuid)}/versions"
        data: Json = self._api.request.get(path).data
        if data is None:
            return []
        return list_in(data, "_embedded", "versions", method="GET", path=path)

    def delete(self, *uuids: str) -> None:
        """Put files into the bin, from where they can be restored for 30 days.

        Takes the scope `files_delete` besides `files`.

        Raises:
            ValidationError: there is no such file; none was deleted.
        """
        if uuids:
            self._api.request.delete(self._path, self._named(uuids))

    def restore(self, *uuids: str) -> list[File]:
        """Take files out of the bin, and return them. Takes the scopes that `delete` takes.

        Raises:
            ValidationError: there is no such file; none was restored.
        """
        if not uuids:
            return []
        path = f"{self._path}/restore"
        data: Json = self._api.request.post(path, self._named(uuids)).data
        return list_in(data, "_embedded", "files", method="POST", path=path)

    def links(self, uuid: str) -> list[FileOwner]:
        """Return the entities that a file is attached to."""
        path = f"{self._account._path}/files/{self._id(uuid)}/links"
        data: Json = self._account._api.request.get(path).data
        return [] if data is None else list_in(data, "entities", method="GET", path=path)

    def upload(
        self,
        source: Content,
        *,
        name: str | None = None,
        content_type: str | None = None,
        size: int | None = None,
        new_version_of: str | None = None,
        with_preview: bool = False,
        timeout: float | Timeout | None = None,
        progress: Report | None = None,
    ) -> File:
        """Upload a file, part by part, and return it; no more than a part is ever held in memory.

        When the answer to a part is lost, nobody knows whether it was taken. An upload that does
        not end leaves nothing behind, so it begins anew, twice at most, if the source can be read
        again; a stream that is passed on as it comes cannot. After the last part the file may be
        there: it is looked for, and what is not found is an outcome that is not known. An upload
        cannot be taken up again by another call: the API does not tell how far one has come.

        Args:
            source: a path, bytes, a binary file that is read from where it stands, or an iterable
                of bytes. An iterable is copied to a temporary file first, unless `size` is given.
            name: of the file, with its extension; that of the source, if it has one.
            content_type: such as `image/png`; guessed from the name, if none is given.
            size: bytes of it; it is checked.
            new_version_of: uuid of the file that it becomes a new, active version of.
            with_preview: make a small picture of a picture.
            timeout: of each call; by default that of the client, with more time for a part.
            progress: is told how far it has come, in bytes.

        Raises:
            ConfigurationError: it is empty, too large, or not of its size.
            OutcomeUnknownError: the answer to the last part was lost, and the file is not found.
            LostReplyError: the answer to another part was lost: the file is not uploaded.
            UnexpectedReplyError: an address leads where the token must not go.
        """
        check_function("progress", progress)
        if name is not None:
            check_text("name", name)
        if content_type is not None:
            check_text("content_type", content_type)
        with lazy.upload_source.UploadSource(source, size) as opened:
            name = name or opened.name
            if not name:
                raise ConfigurationError("the source has no name", hint="give name=, such as a.pdf")
            wanted = lazy.uploads.Wanted(name, content_type, new_version_of, with_preview, timeout)
            file: File = lazy.uploads.Upload(self._api, opened, wanted, progress).run()
            return file

    @overload
    def download(
        self,
        file: File | str,
        target: str | PathLike[str],
        *,
        version: str | None = None,
        sha256: str | None = None,
        timeout: float | Timeout | None = None,
        progress: Report | None = None,
    ) -> Path: ...
    @overload
    def download(
        self,
        file: File | str,
        target: Writable,
        *,
        version: str | None = None,
        sha256: str | None = None,
        timeout: float | Timeout | None = None,
        progress: Report | None = None,
    ) -> None: ...
    def download(
        self,
        file: File | str,
        target: str | PathLike[str] | Writable,
        *,
        version: str | None = None,
        sha256: str | None = None,
        timeout: float | Timeout | None = None,
        progress: Report | None = None,
    ) -> Path | None:
        """Download a file to the disk, piece by piece, and return its path.

        A file on the disk is replaced in one step when all has come, or stays as it was. An open
        file keeps what was written to it before something went wrong. A silence of the server ends
        an attempt, and so does a rate below a kilobyte a second; then it is read from the beginning
        again, and what was written already is passed over.

        Args:
            file: its model, or its uuid.
            target: path of the file to write, or a binary file.
            version: uuid of a version; the active one, if none is given.
            sha256: hexadecimal; it is compared with what came. The API does not tell it.
            timeout: of each attempt; by default that of the client, with more time for the size.
            progress: is told how far it has come, in bytes.

        Raises:
            NotFoundError: there is no such file or version, or it is in the bin.
            UnexpectedReplyError: what came is not of its size or hash, or its address leads where
                the token must not go.
        """
        expected = lazy.downloads.read_hash(sha256)
        check_function("progress", progress)
        if not isinstance(target, (str, PathLike)) and not hasattr(target, "write"):
            raise ConfigurationError(
                f"target must be a path or a binary file, not {type(target).__name__}"
            )
        address, size = self._content(file, version)
        content = lazy.downloads.Content(address, size, expected)
        if isinstance(target, (str, PathLike)):
            return lazy.downloads.download_to(self._api, content, target, progress, timeout)
        lazy.downloads.download_into(self._api, content, target, progress, timeout)
        return None

    def _content(self, file: File | str, version: str | None) -> tuple[Json, int]:
        """Return the address and the size of a version: of that one, whatever becomes active."""
        model: Json = self.get(file) if isinstance(file, str) else file
        needed = ("uuid", "version_uuid", "size", "_links")
        if not isinstance(model, Mapping) or any(name not in model for name in needed):
            raise ConfigurationError(
                "file must be the model of a file, as it was read, or its uuid",
                hint="such as crm.drive.get(uuid)",
            )
        name = "download_version"
        if version is not None and version != model["version_uuid"]:
            uuid, name = model["uuid"], "download"
            model = next((one for one in self.versions(uuid) if one.get("uuid") == version), None)
            if model is None:
                path = f"{self._item(uuid)}/versions"
                raise NotFoundError(
                    f"there is no version {version} of files/{uuid}",
                    method="GET", path=path, status=200,
                )  # fmt: skip
        links = model["_links"]
        link = links.get(name) if isinstance(links, Mapping) else None
        return link.get("href") if isinstance(link, Mapping) else None, model["size"]

    def _named(self, uuids: tuple[str, ...]) -> list[dict[str, str]]:
        for one in uuids:
            self._id(one)
        return [{"uuid": one} for one in uuids]

    @property
    def _where(self) -> str:
        return "files"
