"""Refreshes a token pair: uses its refresh token once, to get the next pair.

The refresh locks the account in the store, and reads the store first: another process may have
refreshed the pair already.
"""

from __future__ import annotations

from amocrm.auth.grant_flow import GrantFlow, Settle, StoredGrant
from amocrm.auth.grant_log import GrantLogEntry
from amocrm.auth.token import Freshness, Token, fingerprint
from amocrm.auth.token_endpoint import AFTER_401, Failed, Reason
from amocrm.auth.token_record import Record
from amocrm.auth.token_repository import LOCK_PATIENCE
from amocrm.errors import GrantError


class TokenRefresh:
    """Refreshes the token pair of one account, one refresh at a time."""

    def __init__(self, grant_flow: GrantFlow) -> None:
        self._grant_flow = grant_flow
        self._is_new_refusal = True

    def run(self, token: Token, settle: Settle, reason: Reason) -> Token:
        """Refresh a pair, or use a newer pair that another process has stored.

        Args:
            token: the pair.
            settle: gives the new token to the threads that wait, before handlers are called.
            reason: why it is refreshed.

        Raises:
            NotAuthorizedError: the pair has no refresh token, or amoCRM has revoked it.
            GrantError: amoCRM refused the refresh token.
            TokenStoreError: the store failed; after the grant, the pair is in use from memory.
        """
        flow, cache = self._grant_flow, self._grant_flow.cache
        if not cache.can_refresh(token):
            # Another process may have got consent again.
            other = cache.find_other(token)
            if other is None:
                raise cache.not_authorized(token)
            return other
        self._is_new_refusal = True
        try:
            with cache.lock(0.0 if reason.once else LOCK_PATIENCE):
                result = self._refresh_or_use_stored(token, reason)
        except GrantError as error:
            # While the token still works, calls go on and repeat this: handlers are called once.
            if self._is_new_refusal or not reason.is_early:
                flow.events.refused(error)
            raise
        if isinstance(result, Token):
            return result
        flow.notify(result, settle)
        return cache.token or result.grant.token

    def _refresh_or_use_stored(self, token: Token, reason: Reason) -> Token | StoredGrant:
        """Use a newer pair from the store, or refresh the newest one; under the store's lock."""
        flow, cache = self._grant_flow, self._grant_flow.cache
        used = fingerprint(token.refresh_token)
        adopted = GrantLogEntry("refresh", reason.why, "", "adopted", used)
        stored = cache.load_stored()
        record = cache.newest(token, stored)
        is_newer = record.token.refresh_token != token.refresh_token
        if is_newer and cache.freshness(record.token) is not Freshness.EXPIRED:
            return flow.use_stored(record, adopted)
        if not cache.can_refresh(record.token):
            raise cache.not_authorized(record.token)
        changes = cache.changes
        flow.announce("connection:beforeRefreshToken")
        if cache.changes != changes and cache.token is not None:
            return cache.token  # A handler has set another token.
        begun = cache.begin_refresh(record)
        if begun.token.refresh_token != record.token.refresh_token:
            return flow.use_stored(begun, adopted)
        reason = reason._replace(in_doubt=record.asked_at is not None)
        return self._refresh(begun, reason, adopted, was_stored=stored is not None)

    def _refresh(
        self, begun: Record, reason: Reason, adopted: GrantLogEntry, *, was_stored: bool
    ) -> Token | StoredGrant:
        """Request the next pair, and store how the request ended.

        Args:
            begun: the record of the pair, as it is stored now.
            reason: why it is refreshed.
            adopted: log entry for another pair that is in the store meanwhile.
            was_stored: the pair was in the store before this refresh.
        """
        flow, cache, token = self._grant_flow, self._grant_flow.cache, begun.token
        result = flow.request(
            lambda: flow.endpoint.refresh(cache.portal, token, reason),
            begun,
            granted_after_401=reason.why == AFTER_401,
        )
        if not isinstance(result, Failed):
            return result
        if not result.in_doubt:
            # The result is known, so the next refusal is not explained by a lost response.
            is_refused = isinstance(result.error, GrantError)
            cache.end_refresh(begun, remove=is_refused and not was_stored)
        if isinstance(result.error, GrantError):
            replacement = cache.find_replacement(token)
            if replacement is not None:
                return flow.use_stored(replacement, adopted)
            self._is_new_refusal = cache.note_refused(token, result.error)
        raise result.error
