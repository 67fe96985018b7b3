"""FastAPI: users sign in on amoCRM's consent page and see the leads of their own account.

See flask_app.py for how to start a sandbox; the port of the redirect is 8000 here:

    SESSION_SECRET=$(openssl rand -hex 32) AMOCRM_BASE_URL=http://127.0.0.1:8080 \
    AMOCRM_CLIENT_ID=... AMOCRM_CLIENT_SECRET=... \
    AMOCRM_REDIRECT_URI=http://127.0.0.1:8000/amocrm/ uvicorn --app-dir examples fastapi_app:app

The client is synchronous: FastAPI runs plain `def` endpoints in threads, so they block nothing.
"""

from __future__ import annotations

import logging
import os
import secrets

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from starlette.middleware.sessions import SessionMiddleware

from amocrm import FROM_AMOCRM, AmoCRM, AmoCRMError, Integration, NotAuthorizedError
from amocrm.stores.file import FileStore

integration = Integration(
    os.environ["AMOCRM_CLIENT_ID"],
    os.environ["AMOCRM_CLIENT_SECRET"],
    os.environ["AMOCRM_REDIRECT_URI"],
    store=FileStore(os.environ.get("AMOCRM_TOKENS", "tokens")),
    base_url=os.environ.get("AMOCRM_BASE_URL"),
)
https = os.environ["AMOCRM_REDIRECT_URI"].startswith("https:")
app = FastAPI()
app.add_middleware(
    SessionMiddleware,
    secret_key=os.environ["SESSION_SECRET"],
    session_cookie="__Host-session" if https else "session",  # no other site can set this one
    https_only=https,
    same_site="lax",
    max_age=8 * 3600,
)


@app.get("/login")
def login(request: Request) -> Response:
    """Redirect to the consent page; the session keeps the state that must come back."""
    request.session["state"] = secrets.token_urlsafe(24)
    return RedirectResponse(integration.consent_url(request.session["state"], "post_message"), 302)


@app.get("/amocrm/")
def back(request: Request) -> Response:
    """Handle the redirect: store the account that gave consent in the session that asked."""
    state = request.session.get("state")
    account = integration.callback(request.query_params, state or FROM_AMOCRM)
    if not state:
        return PlainTextResponse("installed")  # A widget's call, or anybody's: it signs nobody in.
    request.session.clear()
    request.session["account"] = account.connection.account_id
    return RedirectResponse("/leads", 302)


@app.get("/leads")
def leads(request: Request) -> list[str]:
    """List the names of the newest leads of the session's account."""
    crm = my_account(request)
    page = crm.request.get("/api/v4/leads", {"limit": 50, "order": {"id": "desc"}}).data
    return [lead["name"] for lead in page["_embedded"]["leads"]] if page else []


def my_account(request: Request) -> AmoCRM:
    """Return the account that the user has signed in to; a request cannot name another."""
    if "account" not in request.session:
        raise NotAuthorizedError("nobody has signed in")
    return integration.account(id=request.session["account"])


@app.get("/amocrm/uninstall")
def uninstall(request: Request) -> dict[str, bool]:
    """Handle the signed call of amoCRM after an account has disabled the integration."""
    return {"removed": integration.removed(request.query_params) is not None}


@app.exception_handler(AmoCRMError)
def refuse(_: Request, error: AmoCRMError) -> Response:
    """Log the reason for the operator; tell the visitor what to do."""
    logging.getLogger(__name__).warning("refused: %s", error)
    if error.retryable:
        return PlainTextResponse("try again in a minute", 503)
    return PlainTextResponse("sign in: /login", 401)
