"""What a client does in bulk: listings, many writes, changes. Each is imported when first used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING

from amocrm._support.clock import Clock
from amocrm.api_limits import REQUESTS_PER_SECOND
from amocrm.bulk.context import ApiContext, PageCounts
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
    """The part of a client that works on many items at once."""

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
        self._api = ApiContext(request, clock, rate, account, PageCounts(), lenient)

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

        Nothing is sent before it is iterated; each iteration reads anew. Pages are read ahead of
        the loop in worker threads, as many as the latency asks for at the rate limiter; the threads
        end with the loop, however it ends. An error of a page is raised after the items before it.

        The first page is waited for alone, unless it is known that more will follow: because
        `expect` says so, or because this client has read the same listing before.

        Pages move while they are read: an item created or deleted meanwhile shifts the others by
        one, so that one is read twice or not at all. `unique=True` leaves out what comes twice;
        `order={"id": "asc"}` in `params` lets new items come last; where none may be missed, use
        `changes`, which does not count pages.

        Args:
            path: such as `/api/v4/leads`; no address.
            params: the query: `{"filter": {...}, "order": {"id": "asc"}, "with": "contacts"}`.
            limit: items per page; the most that the path allows, if none is given.
            ahead: the depth: calls under way at once; 0 reads one page after the other, None
                follows the latency.
            expect: about how many items there are. So many pages are asked for without waiting for
                the first one; if there are fewer, some calls were made for nothing.
            unique: give out each id once; the ids are remembered while it is iterated.
            progress: is told how far it has come; see `amocrm.progress`.

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
        retry: Retry = "auto",
        progress: Report | None = None,
    ) -> Outcomes:
        """Create any number of items; iterate the result to do it and to learn what became of them.

        Yields, in the items' order, `Created` with the id, `Refused` with the fields that the
        server refused, or `Unknown` where no answer came; `unwrap()` of each gives the id or raises
        the error. An item is never sent twice once it may have been written. Items of a refused
        call that are good are sent again without the bad ones.

        Args:
            path: such as `/api/v4/leads`.
            items: models, from a list or a generator of any length; at most some thousand are held.
            size: items per call; the most that the path allows, if none is given. amoCRM recommends
                50 for heavy ones.
            ahead: calls under way at once; None follows the latency.
            journal: a file, or a `SQLJournal`, that makes it resumable: run it again with the same
                items, and what was written is not written again, and what may have been is
                `Unknown`.
            retry: `always` sends again what may have been written, now and when it is resumed: an
                item may be there twice; `never` repeats nothing.
            progress: is told how far it has come.

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
        retry: Retry = "auto",
        progress: Report | None = None,
    ) -> Outcomes:
        """Change any number of items, each of which holds its `id`; otherwise as `create_many`.

        To change a thing twice to the same does no harm, as a rule, and `retry="always"` makes good
        of lost answers; but it may undo what somebody else has changed meanwhile.

        Calls run side by side: do not change one entity twice in the same run.
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
