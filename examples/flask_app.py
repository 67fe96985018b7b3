"""Flask: install an integration in any account, and read each account's leads.

Play it against a portal of your own; it prints its client_id and client_secret:

    python -m amocrm.sandbox --port 8080 --redirect-uri http://127.0.0.1:5000/amocrm/
    AMOCRM_BASE_URL=http://127.0.0.1:8080 AMOCRM_CLIENT_ID=... AMOCRM_CLIENT_SECRET=... \
    AMOCRM_REDIRECT_URI=http://127.0.0.1:5000/amocrm/ flask --app examples/flask_app.py run

Then open http://127.0.0.1:5000/amocrm/install. In amoCRM, the uninstall hook is /amocrm/uninstall.
"""

from __future__ import annotations

import os

from flask import Flask, abort
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from amocrm import AmoCRM, Integration, NotAuthorizedError
from amocrm.stores.file import FileStore

integration = Integration(
    os.environ["AMOCRM_CLIENT_ID"],
    os.environ["AMOCRM_CLIENT_SECRET"],
    os.environ["AMOCRM_REDIRECT_URI"],
    store=FileStore(os.environ.get("AMOCRM_TOKENS", "tokens")),
    base_url=os.environ.get("AMOCRM_BASE_URL"),
)
app = Flask(__name__)


def welcome(account: AmoCRM) -> None:
    """Greet a new account."""
    app.logger.info("welcome, %s", account.request.get("/api/v4/account").data["name"])


amocrm = integration.wsgi_app(on_installed=welcome)
app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/amocrm": amocrm})  # type: ignore[method-assign]


@app.get("/leads/<account>")
def leads(account: str) -> list[str]:
    """List the names of an account's newest leads."""
    try:
        crm = integration.account(account)
    except NotAuthorizedError:
        abort(404)
    page = crm.request.get("/api/v4/leads", {"limit": 50, "order": {"id": "desc"}}).data
    return [lead["name"] for lead in page["_embedded"]["leads"]] if page else []
