"""FastAPI: install an integration in any account, and read each account's leads.

See flask_app.py for the portal to play against; the redirect's port is 8000 here:

    AMOCRM_CLIENT_ID=... AMOCRM_CLIENT_SECRET=... AMOCRM_REDIRECT_URI=... \
    uvicorn --app-dir examples fastapi_app:app

The client is synchronous: plain `def` endpoints run in FastAPI's threads, and stop nobody.
"""

from __future__ import annotations

import os
from typing import Any

from a2wsgi import WSGIMiddleware
from fastapi import FastAPI, HTTPException

from amocrm import AmoCRM, Integration, NotAuthorizedError
from amocrm.stores.file import FileStore

integration = Integration(
    os.environ["AMOCRM_CLIENT_ID"],
    os.environ["AMOCRM_CLIENT_SECRET"],
    os.environ["AMOCRM_REDIRECT_URI"],
    store=FileStore(os.environ.get("AMOCRM_TOKENS", "tokens")),
    base_url=os.environ.get("AMOCRM_BASE_URL"),
)
app = FastAPI()


def welcome(account: AmoCRM) -> None:
    """Greet a new account."""
    print("welcome,", account.request.get("/api/v4/account").data["name"])


bridge: Any = WSGIMiddleware  # whose types of WSGI are its own
app.mount("/amocrm", bridge(integration.wsgi_app(on_installed=welcome)))


@app.get("/leads/{account}")
def leads(account: str) -> list[str]:
    """List the names of an account's newest leads."""
    try:
        crm = integration.account(account)
    except NotAuthorizedError:
        raise HTTPException(404) from None
    page = crm.request.get("/api/v4/leads", {"limit": 50, "order": {"id": "desc"}}).data
    return [lead["name"] for lead in page["_embedded"]["leads"]] if page else []
