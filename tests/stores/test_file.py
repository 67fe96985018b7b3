"""Tokens in a folder: modes, damage, full disks, processes that are killed."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amocrm import AmoCRM, TokenStoreError
from amocrm.sandbox import Sandbox
from amocrm.stores.file import FileStore
from amocrm.stores.store import Key
from tests.processes import APART

KEY = Key("client", "example.amocrm.ru")
TEXT = '{"token": {"access_token": "a", "note": "Имя"}}'

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
        assert store.save(KEY, TEXT, None)
        with store.lock(KEY, 1):
            pass
    finally:
        os.umask(mask)
    path = Path(store.path(KEY))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    locks = [f"{path.name}.lock", "saving.lock"]
    assert files(store) == [path.name, *locks]
    for lock in locks:
        assert stat.S_IMODE(path.with_name(lock).stat().st_mode) == 0o600


def test_a_file_is_named_for_people_and_holds_the_text_alone(store: FileStore) -> None:
    assert store.save(KEY, TEXT, None)
    path = Path(store.path(KEY))
    assert path.name.startswith("example.amocrm.ru-")
    assert path.read_text(encoding="utf-8") == TEXT


def test_nothing_is_made_before_something_is_saved(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "a" / "tokens")
    assert store.load(KEY) is None
    assert list(tmp_path.iterdir()) == []
    assert store.save(KEY, TEXT, None)
    assert FileStore(str(tmp_path / "a" / "tokens")).load(KEY) == TEXT


@posix
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o666, 0o610])
def test_a_token_that_others_can_read_is_refused_with_the_command_to_run(
    store: FileStore, mode: int
) -> None:
    assert store.save(KEY, TEXT, None)
    path = store.path(KEY)
    os.chmod(path, mode)
    with pytest.raises(TokenStoreError, match="chmod 600") as refusal:
        store.load(KEY)
    assert path in str(refusal.value)
    os.chmod(path, 0o600)
    assert store.load(KEY) == TEXT


@posix
@pytest.mark.skipif(
    os.name == "posix" and os.geteuid() != 0, reason="only root can give files away"
)
def test_a_token_of_another_user_is_refused(store: FileStore) -> None:
    assert store.save(KEY, TEXT, None)
    os.chown(store.path(KEY), 12345, -1)
    with pytest.raises(TokenStoreError, match="another user"):
        store.load(KEY)


@posix
def test_a_link_in_a_token_s_place_is_not_followed(store: FileStore, tmp_path: Path) -> None:
    assert store.save(KEY, TEXT, None)
    path = Path(store.path(KEY))
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(TokenStoreError, match="symbolic links"):
        store.load(KEY)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_file_is_handed_over_for_its_reader_to_judge(
    store: FileStore, content: bytes
) -> None:
    assert store.save(KEY, TEXT, None)
    path = Path(store.path(KEY))
    path.write_bytes(content)
    assert store.load(KEY) == content.decode("utf-8", "replace")
    assert path.read_bytes() == content
    assert store.save(KEY, TEXT, store.load(KEY))


def left_by_the_dead(store: FileStore) -> list[Path]:
    """What writers of this account and of another one leave when they are killed."""
    folder = Path(store.path(KEY)).parent
    folder.mkdir(mode=0o700, exist_ok=True)
    names = [Path(store.path(KEY)).name, "other.amocrm.ru-0123456789abcdef.json"]
    left = [folder / f"{name}.4711.beef.new" for name in names]
    for path in left:
        path.write_text("half a pair")
    return left


def test_what_killed_writers_left_is_removed_by_the_next_save(store: FileStore) -> None:
    assert store.save(KEY, TEXT, None)
    left = left_by_the_dead(store)
    mine = Path(store.path(KEY)).with_name("notes.new")
    mine.touch()
    assert not store.save(KEY, TEXT, "stale")
    assert store.save(KEY, TEXT, TEXT)
    assert not [path for path in left if path.exists()]
    assert mine.exists()


@pytest.mark.parametrize("saved", [True, False])
def test_what_killed_writers_left_is_removed_with_what_is_forgotten(
    store: FileStore, saved: bool
) -> None:
    if saved:
        assert store.save(KEY, TEXT, None)
    left = left_by_the_dead(store)
    store.forget(KEY)
    assert not [path for path in left if path.exists()]
    assert store.load(KEY) is None


@posix
@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_can_write_to_is_refused_with_the_command_to_run(
    store: FileStore, mode: int
) -> None:
    assert store.save(KEY, TEXT, None)
    folder = os.path.dirname(store.path(KEY))
    os.chmod(folder, mode)
    for attempt in every(store):
        with pytest.raises(TokenStoreError, match=f"run: chmod go-w '{folder}'"):
            attempt()
    os.chmod(folder, 0o755)
    assert store.load(KEY) == TEXT


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only root gives folders away")
def test_a_folder_of_another_user_is_refused(store: FileStore) -> None:
    assert store.save(KEY, TEXT, None)
    os.chown(os.path.dirname(store.path(KEY)), 12345, -1)
    for attempt in every(store):
        with pytest.raises(
            TokenStoreError, match=r"belongs to another user \(run this as that user, or: chown"
        ):
            attempt()


@posix
@pytest.mark.parametrize(("mode", "safe"), [(0o777, False), (0o703, False), (0o1777, True)])
def test_a_folder_that_everybody_can_replace_is_refused(
    tmp_path: Path, mode: int, safe: bool
) -> None:
    above, link = tmp_path / "above", tmp_path / "link"
    above.mkdir()
    (above / "tokens").mkdir(mode=0o700)
    link.symlink_to(above / "tokens")
    above.chmod(mode)
    for folder in (above / "tokens", link):
        store = FileStore(folder)
        if safe:
            assert store.load(KEY) is None
        else:
            with pytest.raises(
                TokenStoreError, match=f"run: chmod o-w '{above}', or use another folder"
            ):
                store.load(KEY)


def every(store: FileStore) -> list[Callable[[], object]]:
    """Each thing that a store does."""
    return [
        lambda: store.load(KEY),
        lambda: store.save(KEY, "new", TEXT),
        lambda: store.forget(KEY),
        lambda: store.accounts(KEY.client_id),
    ]


@posix
def test_missing_folders_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        assert FileStore(tmp_path / "a" / "b" / "tokens").save(KEY, TEXT, None)
    finally:
        os.umask(mask)
    for folder in ("a", "a/b", "a/b/tokens"):
        assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o700


@posix
@pytest.mark.parametrize("name", ["token", "token.lock", "saving.lock"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused_and_not_waited_for(
    store: FileStore, name: str, make: Callable[[str], None]
) -> None:
    path = Path(store.path(KEY))
    assert store.save(Key("other", KEY.account), TEXT, None)
    (path.parent / "saving.lock").unlink()
    make(str(path.parent / name.replace("token", path.name)))

    def work() -> None:
        with store.lock(KEY, 5):
            store.save(KEY, TEXT, store.load(KEY))

    with pytest.raises(TokenStoreError, match=r"not a regular file|Is a directory"):
        work()


@posix
def test_a_lock_that_others_could_hold_is_taken_from_them(store: FileStore) -> None:
    assert store.save(KEY, TEXT, None)
    lock = Path(store.path(KEY)).with_name("saving.lock")
    lock.chmod(0o666)
    assert store.save(KEY, "new", TEXT)
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600


def test_a_file_that_is_no_token_by_its_size_is_not_read(store: FileStore) -> None:
    assert store.save(KEY, TEXT, None)
    os.truncate(store.path(KEY), 20_000_000_000)
    with pytest.raises(TokenStoreError, match="too large"):
        store.load(KEY)


@pytest.mark.parametrize(
    "account",
    ["a|b", "A.amocrm.ru", "../../etc/passwd", "Имя", "", "%", "%41", "a-0123456789abcdef.json",
     "a/3", "a b", "x" * 100, "saving.lock", "."],
)  # fmt: skip
def test_accounts_of_any_name_are_listed_and_kept_in_the_folder(
    store: FileStore, account: str
) -> None:
    key = Key("client", account)
    assert store.save(key, TEXT, None)
    assert store.accounts("client") == [account]
    assert os.path.dirname(store.path(key)) == os.path.dirname(store.path(KEY))


def test_accounts_whose_names_begin_alike_are_kept_apart(store: FileStore) -> None:
    """What a name does not show of them, the whole digest tells, not a part that can be met."""
    keys = [Key("client", "x" * 100 + end) for end in ("", "y", "yy", "я" * 200)]
    for number, key in enumerate(keys):
        assert store.save(key, str(number), None)
    assert [store.load(key) for key in keys] == ["0", "1", "2", "3"]
    assert store.accounts("client") == ["x" * 100]
    assert [key.digest in store.path(key) for key in keys] == [False, True, True, True]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("a file stands here")
    store = FileStore(tmp_path / "tokens")
    with pytest.raises(TokenStoreError, match="tokens"):
        store.save(KEY, TEXT, None)
    with pytest.raises(TokenStoreError, match="tokens"), store.lock(KEY, 1):
        pass


FULL = """
import resource, signal, sys
from amocrm import TokenStoreError
from amocrm.stores.store import Key
from amocrm.stores.file import FileStore

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store, key = FileStore(sys.argv[1]), Key("client", "example.amocrm.ru")
store.save(key, "old", None)
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
try:
    store.save(key, "n" * 900, "old")
except TokenStoreError as error:
    print(error)
print(store.load(key))
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
    store = FileStore(tmp_path / "tokens")
    assert held == "old"
    assert files(store) == [Path(store.path(KEY)).name, "saving.lock"]


SAVING = """
import itertools, sys
from amocrm.stores.store import Key
from amocrm.stores.file import FileStore

store, key = FileStore(sys.argv[1]), Key("client", "example.amocrm.ru")
print("ready", flush=True)
for number in itertools.count():
    with store.lock(key, 10):
        assert store.save(key, f"{number} " + "r" * 1900, store.load(key))
"""


@posix
def test_a_lock_file_that_cannot_be_locked_is_named_with_the_reason(store: FileStore) -> None:
    with store.lock(KEY, 1):
        path = f"{store.path(KEY)}.lock"
        with pytest.raises(TokenStoreError, match=rf"held the lock {path} for 0\.01 s"):
            with FileStore(os.path.dirname(path)).lock(KEY, 0.01):
                pass
    os.unlink(path)
    os.mkfifo(path)
    with pytest.raises(TokenStoreError, match=rf"{path} cannot be opened or locked: .*move"):
        with store.lock(KEY, 1):
            pass


@posix
def test_a_killed_process_leaves_a_complete_token_and_a_free_lock(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "tokens")
    for _ in range(3):
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
            process.communicate(timeout=60)
        text = store.load(KEY)
        assert text is not None
        assert text.partition(" ")[2] == "r" * 1900
        with store.lock(KEY, 1):
            pass


# One grant for all processes ----------------------------------------------------------------------


def work(url: str, auth: Any, folder: str, gate: Any, results: Any) -> None:
    """One process: wait for the others, then call."""
    with AmoCRM("example", auth, base_url=url, store=FileStore(folder), rate_limiter=None) as crm:
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
    with sandbox.serve() as server:
        with AmoCRM("example", auth, base_url=server.url, store=FileStore(folder)) as crm:
            crm.connection.set_code(sandbox.issue_code())
            crm.connection.set_token({**(crm.connection.get_token() or {}), "expires_at": 1})
        gate, results = APART.Barrier(processes), APART.Queue()
        running = [
            APART.Process(target=work, args=(server.url, auth, folder, gate, results))
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
