"""Tokens in a folder: modes, damage, full disks, processes that are killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from amocrm import AmoCRM, Token, TokenStoreError
from amocrm.filelock import LONGEST_POLL, SHORTEST_POLL, FileLock
from amocrm.sandbox import Sandbox
from amocrm.stores import Key
from amocrm.stores.file import FileStore

KEY = Key("client", "example.amocrm.ru")
TOKEN = Token("a", "r", 1_700_000_000)

posix = pytest.mark.skipif(os.name != "posix", reason="modes and signals of POSIX")


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "tokens")


def files(store: FileStore) -> list[str]:
    return sorted(os.listdir(os.path.dirname(store.path(KEY))))


@posix
def test_only_the_owner_can_read_and_nothing_is_left_beside(store: FileStore) -> None:
    mask = os.umask(0)
    try:
        store.save(KEY, TOKEN)
        with store.lock(KEY, 1):
            pass
    finally:
        os.umask(mask)
    path = Path(store.path(KEY))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert files(store) == [path.name, f"{path.name}.lock"]
    assert stat.S_IMODE(path.with_name(f"{path.name}.lock").stat().st_mode) == 0o600


def test_a_file_is_named_for_people_and_says_whose_it_is(store: FileStore) -> None:
    store.save(KEY, TOKEN)
    path = Path(store.path(KEY))
    assert path.name.startswith("example.amocrm.ru-")
    assert json.loads(path.read_text()) == {
        "client_id": "client",
        "account": "example.amocrm.ru",
        "token": TOKEN.as_dict(),
    }


def test_nothing_is_made_before_something_is_saved(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "a" / "tokens")
    assert store.load(KEY) is None
    assert list(tmp_path.iterdir()) == []
    store.save(KEY, TOKEN)
    assert FileStore(str(tmp_path / "a" / "tokens")).load(KEY) == TOKEN


@posix
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o666, 0o610])
def test_a_token_that_others_can_read_is_refused_with_the_command_to_run(
    store: FileStore, mode: int
) -> None:
    store.save(KEY, TOKEN)
    path = store.path(KEY)
    os.chmod(path, mode)
    with pytest.raises(TokenStoreError, match="chmod 600") as refusal:
        store.load(KEY)
    assert path in str(refusal.value)
    os.chmod(path, 0o600)
    assert store.load(KEY) == TOKEN


@posix
@pytest.mark.skipif(
    os.name == "posix" and os.geteuid() != 0, reason="only root can give files away"
)
def test_a_token_of_another_user_is_refused(store: FileStore) -> None:
    store.save(KEY, TOKEN)
    os.chown(store.path(KEY), 12345, -1)
    with pytest.raises(TokenStoreError, match="another user"):
        store.load(KEY)


@posix
def test_a_link_in_a_token_s_place_is_not_followed(store: FileStore, tmp_path: Path) -> None:
    store.save(KEY, TOKEN)
    path = Path(store.path(KEY))
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(TokenStoreError, match="symbolic links"):
        store.load(KEY)


@pytest.mark.parametrize(
    "content",
    ["", "{", '{"token": {"access_token": "SECRET', "[]", "5", "{}", '{"token": 5}',
     '{"token": {"access_token": "SECRET x"}}', "\udcff", "[" * 100_000],
)  # fmt: skip
def test_a_damaged_file_is_told_and_stays_as_it_is(store: FileStore, content: str) -> None:
    store.save(KEY, TOKEN)
    path = Path(store.path(KEY))
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(TokenStoreError, match="does not hold a token") as trouble:
        store.load(KEY)
    assert "SECRET" not in str(trouble.value)
    assert path.read_bytes() == content.encode("utf-8", "surrogateescape")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("a file stands here")
    store = FileStore(tmp_path / "tokens")
    with pytest.raises(TokenStoreError, match="tokens"):
        store.save(KEY, TOKEN)
    with pytest.raises(TokenStoreError, match="tokens"), store.lock(KEY, 1):
        pass


FULL = """
import resource, signal, sys
from amocrm import Token, TokenStoreError
from amocrm.stores import Key
from amocrm.stores.file import FileStore

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store, key = FileStore(sys.argv[1]), Key("client", "example.amocrm.ru")
store.save(key, Token("old", "old", 1))
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
try:
    store.save(key, Token("n" * 900, "n" * 900, 2))
except TokenStoreError as error:
    print(error)
print(store.load(key).expires_at)
"""


@posix
def test_a_full_disk_leaves_the_old_token_and_nothing_else(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "tokens")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    told, held = done.stdout.splitlines()
    assert "File too large" in told
    assert held == "1"
    assert files(FileStore(tmp_path / "tokens")) == [
        Path(FileStore(tmp_path / "tokens").path(KEY)).name
    ]


SAVING = """
import itertools, sys
from amocrm import Token
from amocrm.stores import Key
from amocrm.stores.file import FileStore

store, key = FileStore(sys.argv[1]), Key("client", "example.amocrm.ru")
print("ready", flush=True)
for number in itertools.count():
    with store.lock(key, 10):
        store.save(key, Token("a" * 900, "r" * 900, number))
"""


@posix
def test_whoever_is_killed_leaves_a_whole_token_and_a_free_lock(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "tokens")
    for _ in range(10):
        with subprocess.Popen(
            [sys.executable, "-c", SAVING, str(tmp_path / "tokens")],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            before = store.load(KEY)
            while store.load(KEY) == before:
                pass
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=10)
        token = store.load(KEY)
        assert token is not None
        assert token.refresh_token == "r" * 900
        with store.lock(KEY, 1):
            pass


@posix
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_neither_keeps_nor_frees_its_parent_s_lock(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    mine, theirs = FileLock(path), FileLock(path)
    with mine.hold(1):
        child = os.fork()
        if child == 0:
            # Nothing of pytest's may run in here: whatever happens, leave at once.
            verdict = 1
            try:
                with mine.hold(0.01):
                    verdict = 2
            except TokenStoreError:
                verdict = 0
            finally:
                os._exit(verdict)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        with pytest.raises(TokenStoreError), theirs.hold(0.01):
            pass
    with theirs.hold(0.01):
        pass


def test_the_lock_is_polled_finely() -> None:
    assert 0 < SHORTEST_POLL < LONGEST_POLL <= 0.01


# One grant for all processes ----------------------------------------------------------------------


def work(url: str, auth: Any, folder: str, gate: Any, results: Any) -> None:
    """One process: wait for the others, then call."""
    with AmoCRM("example", auth, base_url=url, store=FileStore(folder), pace=None) as crm:
        gate.wait(30)
        try:
            results.put(crm.request.get("/api/v4/account").info.status_code)
        except Exception as error:
            results.put(repr(error))


def test_processes_that_share_a_folder_refresh_once(tmp_path: Path) -> None:
    sandbox = Sandbox(rps=None)
    one = sandbox.integration
    auth: Any = {
        "client_id": one.client_id,
        "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri,
    }
    folder, processes = str(tmp_path / "tokens"), 4
    spawn = multiprocessing.get_context("spawn")
    with sandbox.serve() as server:
        with AmoCRM("example", auth, base_url=server.url, store=FileStore(folder)) as crm:
            crm.connection.set_code(sandbox.issue_code())
            crm.connection.set_token({**(crm.connection.get_token() or {}), "expires_at": 1})
        gate, results = spawn.Barrier(processes), spawn.Queue()
        running = [
            spawn.Process(target=work, args=(server.url, auth, folder, gate, results))
            for _ in range(processes)
        ]
        for process in running:
            process.start()
        outcomes = [results.get(timeout=60) for _ in running]
        for process in running:
            process.join(30)
    assert outcomes == [200] * processes
    assert sandbox.counters["grants.refresh"] == 1
    assert sandbox.counters["grants.refused"] == 0
