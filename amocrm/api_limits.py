"""Documented numbers of the amoCRM / Kommo API, one constant each, with its source.

Units are seconds, bytes and pieces. A number that amoCRM does not document, and that is therefore
a choice of this library, does not live here but beside the code that uses it.
"""

from __future__ import annotations

from typing import Final

REQUESTS_PER_SECOND: Final = 7
"""Most requests in one second: amocrm.ru counts them per integration in an account, amocrm.com
and kommo.com per IP address. Source: reference 3.4."""

ACCOUNT_REQUESTS_PER_SECOND: Final = 50
"""Most requests in one second in one account of amocrm.ru, all its integrations together.
Source: reference 3.4."""

PAGE_LIMIT_DEFAULT: Final = 50
"""Entities in one page when `limit` is not given. Source: reference 3.1."""

PAGE_LIMIT: Final = 250
"""Most entities in one page; a larger `limit` is answered 422. Source: reference 3.1, 3.5."""

BATCH_LIMIT: Final = 250
"""Most entities in one POST or PATCH; more are answered 422. Source: reference 3.5."""

BATCH_RECOMMENDED: Final = 50
"""Entities in one POST or PATCH that amoCRM recommends not to exceed. Source: reference 3.5."""

COMPLEX_LIMIT: Final = 50
"""Most leads in one POST to `/leads/complex`. Source: reference 3.5."""

ACCESS_TOKEN_SECONDS: Final = 86_400
"""Life of an access token (`expires_in`). Source: reference 2.6."""

CODE_SECONDS: Final = 1_200
"""Life of an authorization code, 20 minutes, single use. Source: reference 2.4."""

REFRESH_TOKEN_SECONDS: Final = 7_776_000
"""Life of a refresh token: three months, taken as 90 days. Source: reference 2.6."""

EVENTS_PAGE_LIMIT: Final = 100
"""Most events in one page; Kommo's page says 250. Source: reference 3.5, 12.2."""

TEMPLATES_PAGE_LIMIT: Final = 50
"""Most chat templates in one page. Source: reference 3.5."""

SOURCES_LIMIT: Final = 50
"""Most sources in one POST or PATCH. Source: reference 3.5."""

USERS_LIMIT: Final = 10
"""Most users in one POST. Source: reference 3.5."""
