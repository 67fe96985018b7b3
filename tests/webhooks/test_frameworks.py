"""The receiver below a prefix of Flask, Django and FastAPI, and in the processes of gunicorn."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from amocrm.webhooks import Receiver, SQLInbox

KEY, URL = "k" * 43, "https://hooks.example.com/amocrm"

PROGRAM = f"""
from amocrm.webhooks import Receiver, SQLInbox

inbox = SQLInbox("sqlite:///inbox.db")
receiver = Receiver(inbox, key={KEY!r}, url={URL!r})
path = receiver.address(1).removeprefix("https://hooks.example.com")
form = "application/x-www-form-urlencoded"
body = b"leads[add][0][id]=1&account[id]=1"
"""

FLASK = """
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

app = Flask("shop")
app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/amocrm": receiver.wsgi_app})
client = app.test_client()
print(client.post(path, data=body, content_type=form).status_code)
print(client.post(path[:-1], data=body, content_type=form).status_code)
"""

DJANGO = """
import django
from django.conf import settings

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x",
                   MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"])
django.setup()

from django.http import HttpResponse
from django.test import Client
from django.urls import path as route
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
def amocrm_webhook(request, path):
    answer = receiver.receive(
        request.method, request.path, query=request.META["QUERY_STRING"],
        headers=request.headers, body=request.body,
    )
    return HttpResponse(answer.body, status=answer.status, content_type="text/plain")


urlpatterns = [route("amocrm/<path:path>", amocrm_webhook)]
client = Client(enforce_csrf_checks=True)
print(client.post(path, data=body, content_type=form).status_code)
print(client.post(path[:-1], data=body, content_type=form).status_code)
"""

FASTAPI = """
from fastapi import FastAPI
from fastapi.testclient import TestClient

app = FastAPI()
app.mount("/amocrm", receiver.asgi_app)
with TestClient(app) as client:
    print(client.post(path, content=body, headers={"Content-Type": form}).status_code)
    print(client.post(path[:-1], content=body, headers={"Content-Type": form}).status_code)
"""


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[SQLInbox]:
    with closing(SQLInbox(f"sqlite:///{tmp_path}/inbox.db")) as inbox:
        inbox.create_table()
        yield inbox


@pytest.mark.parametrize("program", [FLASK, DJANGO, FASTAPI], ids=["flask", "django", "fastapi"])
def test_a_framework_passes_a_webhook_on(program: str, tmp_path: Path, inbox: SQLInbox) -> None:
    (tmp_path / "program.py").write_text(PROGRAM + program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "program.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.stdout.split(), done.stderr) == (["200", "404"], "")
    assert inbox.counts().undone == 1


@contextmanager
def gunicorn(folder: Path, port: int) -> Iterator[None]:
    (folder / "program.py").write_text(PROGRAM + "app = receiver.wsgi_app\n", encoding="utf-8")
    command = [sys.executable, "-m", "gunicorn", "-w", "4", "-b", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        [*command, "program:app"], cwd=folder, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        booted = 0
        for line in process.stderr:
            booted += "Booting worker" in line
            if booted == 4:
                break
        assert booted == 4
        yield
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="gunicorn needs fork")
def test_four_processes_share_an_inbox(tmp_path: Path, free_port: int, inbox: SQLInbox) -> None:
    path = Receiver(inbox, key=KEY, url=URL).address(1).removeprefix(URL)
    with gunicorn(tmp_path, free_port):
        for number in range(40):
            body = b"leads[add][0][id]=%d&account[id]=1" % (number // 2)
            url = f"http://127.0.0.1:{free_port}{path}"
            with urllib.request.urlopen(url, body, timeout=10) as response:
                assert response.status == 200
    assert inbox.counts().undone == 20, "each body once"
