"""Listings, bulk writes and changes of a client. Each is imported when it is first used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING

from amocrm._support.clock import Clock
from amocrm.api_limits import REQUESTS_PER_SECOND
from amocrm.bulk.context import ApiContext, BatchSizes, PageCounts
from amocrm.http.messages import Json, Retry
from amocrm.http.request import Request
from amocrm.rate_limit.limiter import RateLimiter

if TYPE_CHECKING:
    from amocrm.bulk.changes import Changes
    from amocrm.bulk.journals.storage import JournalStorage
    from amocrm.bulk.listing import Listing
    from amocrm.bulk.writer import Outcomes
    from amocrm.progress import Report


class Bulk:
    """The methods of a client for many items."""

    _api: ApiContext

    def __init__(
        self,
        request: Request,
        clock: Clock,
        rate_limiter: RateLimiter | None,
        account: str,
        *,
        lenient: bool,
    ) -> None:
        rate = float(getattr(rate_limiter, "rate", None) or REQUESTS_PER_SECOND)
        self._api = ApiContext(request, clock, rate, account, PageCounts(), BatchSizes(), lenient)

    def listing(
        self,
        path: str,
        params: Mapping[str, Json] | None = None,
        *,
        limit: int | None = None,
        ahead: int | None = None,
        expect: int | None = None,
        unique: bool = False,
        progress: Report | None = None,
    ) -> Listing[dict[str, Json]]:
        """Return the items of a path, all of them: `for lead in crm.listing("/api/v4/leads")`.

        No request is sent before the iteration; each iteration reads again. Worker threads read
        pages ahead of the loop: latency × rate of them. The threads end with the loop, even after
        an exception. An error of a page is raised after the items before it.

        The first page is requested alone, unless it is known that there are more: from `expect`, or
        because this client has read the same listing before.

        Pages shift while they are read: if an item is created or deleted meanwhile, another one is
        read twice or not at all. `unique=True` skips items that were read before;
        `order={"id": "asc"}` in `params` puts new items last; if no item may be missed, use
        `changes`, which does not count pages.

        Args:
            path: such as `/api/v4/leads`, not a URL.
            params: the query: `{"filter": {...}, "order": {"id": "asc"}, "with": "contacts"}`.
            limit: items per page; by default, the most that the path allows.
            ahead: the depth: the largest number of concurrent calls; 0 reads one page after the
                other; None calculates it from the latency.
            expect: the approximate number of items. So many pages are requested without waiting
                for the first one; if there are fewer, some calls are unnecessary.
            unique: yield each id once; the ids stay in memory during the iteration.
            progress: is called with the progress; see `amocrm.progress`.

        Raises:
            ConfigurationError: an argument is wrong. The rest is raised while iterating.

        Source: reference 3.1, 3.2, 3.5.
        """
        from amocrm.bulk.listing import Listing

        return Listing(
            self._api,
            path,
            params,
            limit=limit,
            ahead=ahead,
            expect=expect,
            unique=unique,
            progress=progress,
        )

    def create_many(
        self,
        path: str,
        items: Iterable[Mapping[str, Json]],
        *,
        size: int | None = None,
        ahead: int | None = None,
        journal: str | PathLike[str] | JournalStorage | None = None,
        retry: Retry | None = None,
        progress: Report | None = None,
    ) -> Outcomes:
        """Create any number of items; iterate the result to send them and to get the outcomes.

        Yields, in the items' order, `Created` with the id, `Refused` with the fields that the
        server refused, or `Unknown` if no response came; `unwrap()` returns the id or raises the
        error. An item that may have been written is never sent again. The good items of a refused
        call are sent again without the bad ones.

        Args:
            path: such as `/api/v4/leads`.
            items: models, from a list or a generator of any length; at most some thousand of them
                are in memory.
            size: items per call. By default 50, as amoCRM recommends, then up to the most that the
                path allows while the answers are quick, and fewer after slow answers and a 504;
                the client remembers the size for each resource.
            ahead: the largest number of concurrent calls; None calculates it from the latency.
            journal: a file, or a `SQLJournal`, with which the run can be resumed: run it again with
                the same items. Written items are not written again; items that may have been
                written are `Unknown`.
            retry: `always` sends items again that may have been written, also when the run is
                resumed, so an entity may be created twice; `never` repeats no call.
            progress: is called with the progress.

        Raises:
            ConfigurationError: an argument is wrong. The rest is raised while iterating.

        Source: reference 3.1, 3.3, 3.5.
        """
        from amocrm.bulk.outcomes import Created
        from amocrm.bulk.writer import Outcomes, Writer

        writer = Writer(
            self._api, Created, path, size=size, ahead=ahead, journal=journal, retry=retry,
            progress=progress,
        )  # fmt: skip
        return Outcomes(writer, items)

    def update_many(
        self,
        path: str,
        items: Iterable[Mapping[str, Json]],
        *,
        size: int | None = None,
        ahead: int | None = None,
        journal: str | PathLike[str] | JournalStorage | None = None,
        retry: Retry | None = None,
        progress: Report | None = None,
    ) -> Outcomes:
        """Update any number of items, each with its `id`; otherwise like `create_many`.

        Updates are usually idempotent, so `retry="always"` repeats them after lost responses; this
        may overwrite a change that somebody else made in between.

        Calls run concurrently: do not update an entity twice in the same run.
        """
        from amocrm.bulk.outcomes import Updated
        from amocrm.bulk.writer import Outcomes, Writer

        writer = Writer(
            self._api, Updated, path, size=size, ahead=ahead, journal=journal, retry=retry,
            progress=progress,
        )  # fmt: skip
        return Outcomes(writer, items)

    def changes(
        self,
        path: str,
        params: Mapping[str, Json] | None = None,
        *,
        deleted: bool = False,
        limit: int | None = None,
        since: float | None = None,
        checkpoint: str | PathLike[str] | None = None,
        overlap: float | None = None,
        progress: Report | None = None,
    ) -> Changes[dict[str, Json]]:
        """Return what was created or edited since the last run, oldest change first.

        ::

            with crm.changes("leads", checkpoint="leads.checkpoint") as changed:
                for lead in changed:
                    ...

        The block saves the checkpoint when it ends without an exception; `changed.commit()` saves
        it in between. Whatever ends the program before that, the same items come again, so nothing
        is lost; the work must allow for an item that comes twice. Without a checkpoint no block is
        needed: `for lead in crm.changes("leads", since=1700000000)`.

        Taken are leads, contacts, companies, customers, tasks, and notes: `leads/notes`,
        `leads/42/notes`. For other paths the error says what to use.

        `deleted=True` tells what was deleted instead: of leads what went to the recycle bin, each
        with the keys `id`, `updated_at`, `updated_by`, `is_deleted`; of contacts, companies,
        customers and tasks the events of deletion, restoration and merging, in which `entity_id` is
        the id. It is another run, with a checkpoint of its own.

        Args:
            path: `leads`, or `/api/v4/leads`.
            params: more of the query, such as a `filter`.
            deleted: read deletions.
            limit: items per page; the most that the path allows, if none is given.
            since: Unix seconds to begin at; the beginning of time, if none are given.
            checkpoint: a file that stores how far it came. It needs a block.
            overlap: seconds before the last change that are read once more, for late writes.
            progress: is told how far it has come.

        Raises:
            ConfigurationError: an argument is wrong. The rest is raised while iterating.

        Source: reference 3.1, 4.2.1, 4.13, 4.16.
        """
        from amocrm.bulk.changes import OVERLAP, Changes

        return Changes(
            self._api,
            path,
            params,
            deleted=deleted,
            limit=limit,
            since=since,
            checkpoint=checkpoint,
            overlap=OVERLAP if overlap is None else overlap,
            progress=progress,
        )
