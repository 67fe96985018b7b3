"""amoCRM / Kommo API v4 for Python: OAuth that is never lost, at the API's own pace."""

from __future__ import annotations

__version__ = "0.1.0"
