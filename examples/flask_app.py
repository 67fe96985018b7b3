"""Flask: users sign in on amoCRM's consent page and see the leads of their own account.

Only an administrator can give consent; that installs the integration in the account. Try it with a
sandbox, which prints its client_id and client_secret:

    python -m amocrm.sandbox --port 8080 --redirect-uri http://127.0.0.1:5000/amocrm/
    SESSION_SECRET=$(openssl rand -hex 32) AMOCRM_BASE_URL=http://127.0.0.1:8080 \
    AMOCRM_CLIENT_ID=... AMOCRM_CLIENT_SECRET=... \
    AMOCRM_REDIRECT_URI=http://127.0.0.1:5000/amocrm/ flask --app examples/flask_app.py run

Then open http://127.0.0.1:5000/login. In amoCRM, the uninstall hook is /amocrm/uninstall.
"""

from __future__ import annotations

import os
import secrets

from flask import Flask, redirect, request, session
from flask.typing import ResponseReturnValue

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
app = Flask(__name__)
app.config.update(
    SECRET_KEY=os.environ["SESSION_SECRET"],
    SESSION_COOKIE_NAME="__Host-session" if https else "session",  # no other site can set this one
    SESSION_COOKIE_SECURE=https,
    SESSION_COOKIE_SAMESITE="Lax",
    PERMANENT_SESSION_LIFETIME=8 * 3600,
)


@app.get("/login")
def login() -> ResponseReturnValue:
    """Redirect to the consent page; the session keeps the state that must come back."""
    session["state"] = secrets.token_urlsafe(24)
    return redirect(integration.consent_url(session["state"], "post_message"))


@app.get("/amocrm/")
def back() -> ResponseReturnValue:
    """Handle the redirect: store the account that gave consent in the session that asked."""
    state = session.get("state")
    account = integration.callback(request.args.to_dict(), state or FROM_AMOCRM)
    if not state:
        return "installed"  # A widget's call, which anybody can make: it signs nobody in.
    session.clear()
    session["account"] = account.connection.account_id
    return redirect("/leads")


@app.get("/leads")
def leads() -> ResponseReturnValue:
    """List the names of the newest leads of the session's account."""
    page = my_account().request.get("/api/v4/leads", {"limit": 50, "order": {"id": "desc"}}).data
    return [lead["name"] for lead in page["_embedded"]["leads"]] if page else []


def my_account() -> AmoCRM:
    """Return the account that the user has signed in to; a request cannot name another."""
    if "account" not in session:
        raise NotAuthorizedError("nobody has signed in")
    return integration.account(id=session["account"])


@app.get("/amocrm/uninstall")
def uninstall() -> ResponseReturnValue:
    """Handle the signed call of amoCRM after an account has disabled the integration."""
    return {"removed": integration.removed(request.args.to_dict()) is not None}


@app.errorhandler(AmoCRMError)
def refuse(error: AmoCRMError) -> ResponseReturnValue:
    """Log the reason for the operator; tell the visitor what to do."""
    app.logger.warning("refused: %s", error)
    return ("try again in a minute", 503) if error.retryable else ("sign in: /login", 401)
