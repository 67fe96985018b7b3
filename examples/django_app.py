"""Django, in one file: install an integration in any account, and read each account's leads.

See flask_app.py for the portal to play against; the redirect's port is 8000 here:

    AMOCRM_CLIENT_ID=... AMOCRM_CLIENT_SECRET=... AMOCRM_REDIRECT_URI=... \
    python examples/django_app.py runserver
"""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import path
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from amocrm import Integration, NotAuthorizedError
from amocrm.stores.file import FileStore

settings.configure(
    ROOT_URLCONF=__name__,
    WSGI_APPLICATION=f"{__name__}.application",
    ALLOWED_HOSTS=["127.0.0.1", "localhost", "testserver"],
    SECRET_KEY=os.urandom(32).hex(),
)
integration = Integration(
    os.environ["AMOCRM_CLIENT_ID"],
    os.environ["AMOCRM_CLIENT_SECRET"],
    os.environ["AMOCRM_REDIRECT_URI"],
    store=FileStore(os.environ.get("AMOCRM_TOKENS", "tokens")),
    base_url=os.environ.get("AMOCRM_BASE_URL"),
)


def leads(request: HttpRequest, account: str) -> JsonResponse:
    """List the names of an account's newest leads."""
    try:
        crm = integration.account(account)
    except NotAuthorizedError:
        raise Http404 from None
    page = crm.request.get("/api/v4/leads", {"limit": 50, "order": {"id": "desc"}}).data
    newest = page["_embedded"]["leads"] if page else []
    return JsonResponse([lead["name"] for lead in newest], safe=False)


urlpatterns = [path("leads/<account>", leads)]
amocrm = integration.wsgi_app(on_installed=lambda account: print("welcome,", account))
site: Any = get_wsgi_application()  # Django brings no types
application = DispatcherMiddleware(site, {"/amocrm": amocrm})

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
