"""The fixtures, the marker and the options of the pytest plugin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tomlkit

from tests.testing.conftest import PLUGIN, Run

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]


def test_a_test_gets_a_connected_client_and_sees_what_it_did(run: Run) -> None:
    run(
        """
        def test_order(amocrm, amocrm_sandbox):
            assert amocrm.connection.connected
            lead = amocrm.leads.create({"name": "Order", "price": 1500})["id"]
            amocrm.leads(lead).notes.create({"note_type": "common", "params": {"text": "Hi"}})
            (created,) = amocrm_sandbox.created("leads")
            assert (created["id"], created["name"], created["price"]) == (lead, "Order", 1500)
            assert [(one.method, one.path) for one in amocrm_sandbox.calls] == [
                ("POST", "/api/v4/leads"), ("POST", f"/api/v4/leads/{lead}/notes")
            ]
            amocrm_sandbox.assert_no_refusals()
        """,
        passed=1,
    )


SELFISH = """
import pytest

@pytest.mark.parametrize("number", range({tests}))
def test_selfish(number, amocrm, amocrm_sandbox, amocrm_clock, amocrm_webhooks):
    assert list(amocrm.leads.list()) == [] and len(amocrm_sandbox.calls) == 1
    assert list(amocrm.webhooks.list()) == []
    assert amocrm_clock.monotonic() == 0
    assert amocrm_webhooks.deliveries == [] and amocrm_sandbox.faults.latency == 0
    received = []
    def app(environ, start_response):
        received.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        return []
    amocrm_webhooks.subscribe(app, "add_lead")
    amocrm_webhooks.duplicate(2)
    amocrm.leads.create({{"name": "Order"}})
    amocrm_webhooks.deliver()
    assert received == ["/", "/"]
    amocrm_webhooks.lose(5)
    amocrm_sandbox.inject("forbidden", times=100)
    amocrm_sandbox.faults.latency = 3
    amocrm_sandbox.move(None, "renamed")
    amocrm_sandbox.revoke_tokens()
    amocrm_clock.advance(1000)
"""


def test_nothing_of_one_test_reaches_another(run: Run) -> None:
    run(SELFISH.format(tests=3), passed=3)


def test_tests_of_a_marker_share_no_plan_of_faults(run: Run) -> None:
    run(
        """
        import pytest
        from amocrm.sandbox import FaultPlan

        @pytest.mark.amocrm(faults=FaultPlan(latency=1))
        @pytest.mark.parametrize("number", range(2))
        def test_latency(number, amocrm_sandbox):
            assert amocrm_sandbox.faults.latency == 1
            amocrm_sandbox.faults.latency = 5
        """,
        passed=2,
    )


@pytest.mark.endurance
def test_it_works_in_several_processes(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(SELFISH.format(tests=2))
    done = pytester.runpytest_subprocess("-p", PLUGIN, "-p", "xdist", "-n", "2", timeout=60)
    done.assert_outcomes(passed=2)


def test_the_nearest_marker_has_the_last_word(run: Run) -> None:
    run(
        """
        import pytest

        pytestmark = pytest.mark.amocrm(account="module.kommo.com", rps=5)

        @pytest.mark.amocrm(rps=2, faults={"retry_after": 3})
        class TestOne:
            def test_class(self, amocrm, amocrm_sandbox, amocrm_clock):
                assert amocrm.connection.host == "module.kommo.com"
                for _ in range(3):
                    amocrm.account.get()
                assert amocrm_sandbox.counters["429"] == 1
                assert amocrm_clock.monotonic() >= 3

            @pytest.mark.amocrm(rps=None, account="function", plan="basic")
            def test_function(self, amocrm, amocrm_sandbox):
                for _ in range(20):
                    amocrm.account.get()
                assert amocrm.connection.host == "function.amocrm.ru"
                amocrm_sandbox.assert_no_refusals()

        def test_module(amocrm_sandbox):
            assert amocrm_sandbox.rate_limiter.rps == 5
        """,
        passed=3,
    )


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        (
            "shema='a.json'",
            "@pytest.mark.amocrm has no keyword 'shema' (did you mean 'schema'?)",
        ),
        ("'a.json'", "@pytest.mark.amocrm takes keywords only: account, schema, plan, rps, faults"),
    ],
)
def test_a_wrong_marker_fails_its_test_in_one_line(run: Run, marker: str, told: str) -> None:
    text = f"""
        import pytest

        @pytest.mark.amocrm({marker})
        def test_marked(): pass

        def test_other(amocrm): pass
        """
    shown = run(text, errors=1, passed=1)
    assert told in shown
    assert "Traceback" not in shown
    assert "plugin.py" not in shown


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        ("rps=0", "rps must be a whole number above 0, or None for no limit"),
        ("rps='7'", "rps must be a whole number above 0, or None for no limit"),
        ("plan='base'", "plan must be one of basic, advanced, professional, not 'base'"),
        ("faults={'lost': 1}", "faults has no 'lost' (one of latency, jitter"),
        ("faults={'lost_after': 2}", "lost_after of faults is a chance between 0 and 1, not 2"),
        ("faults={'latency': 'x'}", "latency of faults must be a number that is not below 0"),
        ("faults='storm'", "faults must be a FaultPlan or a dict of its members"),
        ("account=''", "account must be a name such as mycompany, or a host"),
        ("account='a b'", "account must be a name such as mycompany, or a host"),
        ("schema='missing.json'", "No such file or directory"),
        ("schema={}", "version must be 1"),
    ],
)
def test_a_wrong_value_fails_its_test_in_one_line(run: Run, marker: str, told: str) -> None:
    text = f"""
        import pytest

        @pytest.mark.amocrm({marker})
        def test_marked(amocrm): pass
        """
    shown = run(text, errors=1)
    assert told in shown
    assert "plugin.py" not in shown


SCHEMA = {
    "version": 1,
    "account": {"zone": "amocrm.ru"},
    "pipelines": [
        {
            "id": 4242, "name": "Orders", "is_main": True, "is_archive": False,
            "is_unsorted_on": False,
            "statuses": [
                {"id": 777, "name": "New", "type": 0},
                {"id": 142, "name": "Won", "type": 0},
                {"id": 143, "name": "Lost", "type": 0},
            ],
        }
    ],
}  # fmt: skip


def test_the_account_is_shaped_like_a_schema(run: Run, pytester: pytest.Pytester) -> None:
    text = """
        import pytest

        def ids(amocrm):
            return [one["id"] for one in amocrm.leads.pipelines.list()]

        {marker}
        def test_shape(amocrm):
            assert ids(amocrm) == [4242]
            assert amocrm.leads.create({{"name": "A", "status_id": 777}})["id"]
        """
    pytester.path.joinpath("schema.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    run(text.format(marker="@pytest.mark.amocrm(schema='schema.json')"), passed=1)
    run(text.format(marker=f"@pytest.mark.amocrm(schema={SCHEMA})"), passed=1)
    run(text.format(marker=""), "--amocrm-schema", "schema.json", passed=1)
    run(text.format(marker="@pytest.mark.amocrm(schema=None)"), failed=1)


def test_a_seed_makes_a_run_again(run: Run) -> None:
    text = """
        def test_ids(amocrm_sandbox):
            print("id", amocrm_sandbox.integration.client_id)
        """

    def printed(*options: str) -> str:
        shown = run(text, "-s", *options, passed=1)
        return next(line for line in shown.splitlines() if "id " in line)

    assert printed("--amocrm-seed", "7") == printed("--amocrm-seed", "7")
    assert printed("--amocrm-seed", "7") != printed("--amocrm-seed", "8")


def test_a_program_in_another_process_calls_the_port(run: Run) -> None:
    run(
        """
        import json, subprocess, sys

        PROGRAM = '''
        import json, sys, urllib.request
        url, token = sys.argv[1:]
        body = json.dumps([{"name": "From afar"}]).encode()
        request = urllib.request.Request(url + "/api/v4/leads", body, {
            "Authorization": "Bearer " + token, "Content-Type": "application/json"})
        print(urllib.request.urlopen(request).status)
        '''

        def test_afar(amocrm_server, amocrm_sandbox, amocrm):
            program = "\\n".join(line.strip() for line in PROGRAM.splitlines())
            done = subprocess.run(
                [sys.executable, "-c", program, amocrm_server.url, amocrm_server.access_token],
                capture_output=True, text=True, check=True)
            assert done.stdout.strip() == "200"
            assert repr(amocrm_server) == f"<AmoCRMServer at {amocrm_server.url}>"
            assert [one["name"] for one in amocrm_sandbox.created("leads")] == ["From afar"]
            assert [one["name"] for one in amocrm.leads.list()] == ["From afar"]
        """,
        passed=1,
    )


def test_the_plugin_imports_pytest_alone_until_a_fixture_is_used(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile("def test_nothing(): pass")
    pytester.makeconftest(
        """
        import sys

        def pytest_sessionfinish():
            ours = [name for name in sys.modules if name.split(".")[0] in ("amocrm", "requests")]
            print("modules:", *sorted(ours))
        """
    )
    done = pytester.runpytest_subprocess("-s", "-p", PLUGIN, timeout=60)
    done.assert_outcomes(passed=1)
    (line,) = [line for line in done.outlines if "modules:" in line]
    assert line.split("modules: ")[1] == (
        "amocrm amocrm._version amocrm.testing amocrm.testing.plugin"
    )


def test_pytest_knows_the_plugin_by_its_name(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is installed, with the entry point of pyproject.toml; the gate does it by a wheel."""
    project = tomlkit.parse((ROOT / "pyproject.toml").read_text("utf-8")).unwrap()["project"]
    folder = pytester.mkdir("amocrm_kit-1.dist-info")
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: amocrm-kit\nVersion: 1\n")
    (name, place), *others = project["entry-points"]["pytest11"].items()
    (folder / "entry_points.txt").write_text(f"[pytest11]\n{name} = {place}\n")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.syspath_prepend(pytester.path)
    pytester.makepyfile("def test_one(amocrm): assert list(amocrm.leads.list()) == []")
    pytester.runpytest_inprocess("-p", "amocrm").assert_outcomes(passed=1)
    assert (name, others) == ("amocrm", [])


def test_the_help_tells_each_option(run: Run) -> None:
    shown = " ".join(run("", "--help").split())
    assert "amoCRM / Kommo:" in shown
    for option in (
        "--amocrm-schema=FILE JSON of an account",
        "--amocrm-seed=N decides ids",
        "--amocrm-live=PROFILE run the tests",
        "--amocrm-live-writes let tests change",
    ):
        assert option in shown


def test_the_marker_is_registered(run: Run) -> None:
    assert "@pytest.mark.amocrm(account=None, schema=None" in run("", "--markers")
