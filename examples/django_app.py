"""Django, in one file: users sign in on amoCRM's consent page and see their own account's leads.

See flask_app.py for how to start a sandbox; the port of the redirect is 8000 here:

    SESSION_SECRET=$(openssl rand -hex 32) AMOCRM_BASE_URL=http://127.0.0.1:8080 \
    AMOCRM_CLIENT_ID=... AMOCRM_CLIENT_SECRET=... \
    AMOCRM_REDIRECT_URI=http://127.0.0.1:8000/amocrm/ python examples/django_app.py runserver
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import path
from django.views.decorators.http import require_GET

from amocrm import FROM_AMOCRM, AmoCRM, AmoCRMError, Integration, NotAuthorizedError
from amocrm.stores.file import FileStore

Request: TypeAlias = Any  # Django brings no types
View: TypeAlias = Any

integration = Integration(
    os.environ["AMOCRM_CLIENT_ID"],
    os.environ["AMOCRM_CLIENT_SECRET"],
    os.environ["AMOCRM_REDIRECT_URI"],
    store=FileStore(os.environ.get("AMOCRM_TOKENS", "tokens")),
    base_url=os.environ.get("AMOCRM_BASE_URL"),
)
https = os.environ["AMOCRM_REDIRECT_URI"].startswith("https:")
settings.configure(
    ROOT_URLCONF=__name__,
    WSGI_APPLICATION=f"{__name__}.application",
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    SECRET_KEY=os.environ["SESSION_SECRET"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    SESSION_COOKIE_NAME="__Host-session" if https else "session",  # no other site can set this one
    SESSION_COOKIE_SECURE=https,
    SESSION_COOKIE_AGE=8 * 3600,
)


def login(request: Request) -> HttpResponse:
    """Redirect to the consent page; the session keeps the state that must come back."""
    request.session["state"] = secrets.token_urlsafe(24)
    return HttpResponseRedirect(integration.consent_url(request.session["state"], "post_message"))


def back(request: Request) -> HttpResponse:
    """Handle the redirect: store the account that gave consent in the session that asked."""
    state = request.session.get("state")
    account = integration.callback(request.GET.dict(), state or FROM_AMOCRM)
    if not state:
        return JsonResponse({"installed": True})  # A call of a widget, or anybody: no sign-in.
    request.session.flush()
    request.session["account"] = account.connection.account_id
    return HttpResponseRedirect("/leads")


def leads(request: Request) -> JsonResponse:
    """List the names of the newest leads of the session's account."""
    crm = my_account(request)
    page = crm.request.get("/api/v4/leads", {"limit": 50, "order": {"id": "desc"}}).data
    newest = page["_embedded"]["leads"] if page else []
    return JsonResponse([lead["name"] for lead in newest], safe=False)


def my_account(request: Request) -> AmoCRM:
    """Return the account that the user has signed in to; a request cannot name another."""
    if "account" not in request.session:
        raise NotAuthorizedError("nobody has signed in")
    return integration.account(id=request.session["account"])


def uninstall(request: Request) -> JsonResponse:
    """Handle the signed call of amoCRM after an account has disabled the integration."""
    return JsonResponse({"removed": integration.removed(request.GET.dict()) is not None})


def visited(view: Callable[[Request], HttpResponse]) -> View:
    """Respond for a view that refuses; the reason is for the operator."""

    def visit(request: Request) -> HttpResponse:
        try:
            return view(request)
        except AmoCRMError as error:
            logging.getLogger(__name__).warning("refused: %s", error)
            if error.retryable:
                return JsonResponse({"error": "try again in a minute"}, status=503)
            return JsonResponse({"error": "sign in: /login"}, status=401)

    return require_GET(visit)


urlpatterns = [
    path("login", visited(login)),
    path("amocrm/", visited(back)),
    path("amocrm/uninstall", visited(uninstall)),
    path("leads", visited(leads)),
]
application = get_wsgi_application()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
