"""`amocrm_webhooks`: to a WSGI app, an ASGI app, a port; lost, doubled, out of order, late."""

from __future__ import annotations

from tests.testing.conftest import Run

pytest_plugins = ["pytester"]

RECEIVER = """
import pytest
from urllib.parse import parse_qsl

class Receiver:
    '''A WSGI app that keeps the names of leads.'''

    def __init__(self):
        self.names, self.paths, self.status = [], [], "200 OK"

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()
        self.names.append(dict(parse_qsl(body))["leads[add][0][name]"])
        self.paths.append(environ["HTTP_HOST"] + environ["PATH_INFO"])
        start_response(self.status, [])
        return [b""]

def create(amocrm, *names):
    for name in names:
        amocrm.leads.create({"name": name})
"""


def test_an_app_gets_what_it_subscribed_to(run: Run) -> None:
    run(
        RECEIVER
        + """
def test_wsgi(amocrm, amocrm_webhooks):
    first, second = Receiver(), Receiver()
    url = amocrm_webhooks.subscribe(first, "add_lead", path="/amocrm/secret")
    amocrm_webhooks.subscribe(second, "add_lead", "status_lead")
    assert url == "https://testserver/amocrm/secret"
    create(amocrm, "One")
    assert first.names == [], "a test decides when they are sent"
    amocrm_webhooks.deliver()
    assert (first.names, second.names) == (["One"], ["One"])
    assert first.paths == ["testserver/amocrm/secret"]
    assert [one["destination"] for one in amocrm.webhooks.list()][0] == url

def test_asgi(amocrm, amocrm_webhooks):
    received = []

    async def app(scope, receive, send):
        received.append((scope["path"], (await receive())["body"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    amocrm_webhooks.subscribe(app, "add_lead", path="in")
    create(amocrm, "One")
    amocrm_webhooks.deliver()
    ((path, body),) = received
    assert path == "/in" and b"One" in body

def test_a_port(amocrm, amocrm_webhooks):
    import threading
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    receiver = Receiver()
    with make_server("127.0.0.1", 0, receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        amocrm_webhooks.subscribe(f"http://127.0.0.1:{server.server_port}/in", "add_lead")
        create(amocrm, "One")
        (delivery,) = amocrm_webhooks.deliver()
        server.shutdown()
    assert delivery.state == "delivered" and receiver.names == ["One"]
""",
        passed=3,
    )


def test_what_goes_wrong_on_the_way(run: Run) -> None:
    run(
        RECEIVER
        + """
@pytest.fixture
def receiver(amocrm_webhooks):
    receiver = Receiver()
    amocrm_webhooks.subscribe(receiver, "add_lead")
    return receiver

def test_lost(amocrm, amocrm_webhooks, receiver):
    amocrm_webhooks.lose()
    create(amocrm, "Lost", "Come")
    amocrm_webhooks.deliver()
    assert receiver.names == ["Come"]

def test_doubled(amocrm, amocrm_webhooks, receiver):
    amocrm_webhooks.duplicate()
    create(amocrm, "Twice")
    amocrm_webhooks.deliver()
    assert receiver.names == ["Twice", "Twice"]

def test_out_of_order(amocrm, amocrm_webhooks, receiver):
    amocrm_webhooks.reorder()
    create(amocrm, "First", "Second")
    amocrm_webhooks.deliver()
    assert receiver.names == ["Second", "First"]

def test_late(amocrm, amocrm_webhooks, amocrm_clock, receiver):
    amocrm_webhooks.delay(60)
    create(amocrm, "Late")
    amocrm_webhooks.deliver()
    assert receiver.names == []
    amocrm_clock.advance(60)
    amocrm_webhooks.deliver()
    assert receiver.names == ["Late"]

def test_repeated_after_an_outage(amocrm, amocrm_webhooks, amocrm_clock, receiver):
    receiver.status = "503 Service Unavailable"
    create(amocrm, "Patient")
    amocrm_webhooks.deliver()
    receiver.status = "200 OK"
    amocrm_clock.advance(5 * 60)
    (delivery,) = amocrm_webhooks.deliver()
    assert (delivery.statuses, receiver.names) == ([503, 200], ["Patient", "Patient"])
""",
        passed=5,
    )


def test_what_an_app_raises_is_shown(run: Run) -> None:
    shown = run(
        RECEIVER
        + """
def wsgi(environ, start_response):
    raise LookupError("of the app")

async def asgi(scope, receive, send):
    raise LookupError("of the app")

@pytest.mark.parametrize("app", [wsgi, asgi])
def test_failing(amocrm, amocrm_webhooks, app):
    amocrm_webhooks.subscribe(app, "add_lead")
    create(amocrm, "One")
    (delivery,) = amocrm_webhooks.deliver()
    assert delivery.statuses == [200]
""",
        failed=2,
    )
    assert shown.count('raise LookupError("of the app")') >= 2
    assert shown.count("assert [500] == [200]") >= 2


def test_a_wrong_subscription_is_an_error(run: Run) -> None:
    run(
        """
        import pytest
        from amocrm.sandbox import ProblemError

        def test_wrong(amocrm_webhooks):
            with pytest.raises(ValueError, match="did you mean 'add_lead'"):
                amocrm_webhooks.subscribe("http://127.0.0.1:9/", "add_leads")
            with pytest.raises(ValueError, match="at least one code"):
                amocrm_webhooks.subscribe("http://127.0.0.1:9/")
            with pytest.raises(ValueError, match="must be an app, or a URL"):
                amocrm_webhooks.subscribe("127.0.0.1:9", "add_lead")

        @pytest.mark.amocrm(plan="basic")
        def test_plan(amocrm, amocrm_webhooks, amocrm_sandbox):
            with pytest.raises(ProblemError, match="402"):
                amocrm_webhooks.subscribe("http://127.0.0.1:9/", "add_lead")
            for path in ("webhooks", "catalogs", "customers"):
                with pytest.raises(Exception, match="402"):
                    amocrm.request.get(f"/api/v4/{path}")
            amocrm_sandbox.set_plan("professional")
            for path in ("webhooks", "catalogs", "customers"):
                amocrm.request.get(f"/api/v4/{path}")
        """,
        passed=2,
    )
