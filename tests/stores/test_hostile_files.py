"""A folder of tokens in which somebody has put things: no store hangs, is misled, or leaves it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm import TokenStoreError
from amocrm.stores.file import FileStore
from amocrm.stores.store import Key
from tests.hostile import cases

pytestmark = pytest.mark.skipif(os.name != "posix", reason="FIFOs, links and modes are POSIX's")

HUGE = 5_000_000_000
"""Bytes of a file that has nothing in it, and takes no room."""

KINDS = ["bytes", "fifo", "link", "loop", "dangling", "folder", "full folder", "hard link", "huge"]
PLACES = ["{}", "{}.lock", "{}.4711.0123abcd.new", "{}.new", "saving.lock", "a-{}", "%ff-{}"]

ACCOUNTS = st.one_of(
    st.sampled_from(["example.amocrm.ru", "other.amocrm.ru", "../outside", "", "%2e", "x" * 101]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=120),
)
KEYS = st.builds(Key, st.sampled_from(["client", "see:client", "клиент"]), ACCOUNTS)


class Planted(NamedTuple):
    """What somebody has put into the folder."""

    place: str
    whose: int
    kind: str
    content: bytes
    mode: int


PLANTED = st.builds(
    Planted,
    place=st.sampled_from(PLACES),
    whose=st.integers(0, 1),
    kind=st.sampled_from(KINDS),
    content=st.binary(max_size=300),
    mode=st.sampled_from([0, 0o400, 0o600, 0o604, 0o640, 0o666, 0o777, 0o4755]),
)

ACTS: dict[str, Callable[[FileStore, Key], object]] = {
    "load": lambda store, key: store.load(key),
    "save": lambda store, key: store.save(key, f"new {key}", store.load(key)),
    "save anew": lambda store, key: store.save(key, f"new {key}", None),
    "forget": lambda store, key: store.forget(key),
    "accounts": lambda store, key: store.accounts(key.client_id),
    "lock": lambda store, key: locked(store, key),
}


def locked(store: FileStore, key: Key) -> None:
    with store.lock(key, 0.01):
        pass


class Ground:
    """A folder of tokens, and beside it what must not be touched."""

    def __init__(self, folder: Path) -> None:
        self.outside = folder / "outside"
        self.outside.mkdir(mode=0o700)
        self.victim = self.outside / "victim"
        self.victim.write_bytes(b"of another key")
        self.victim.chmod(0o600)
        self.tokens = folder / "tokens"
        self.tokens.mkdir(mode=0o700)
        self.store = FileStore(self.tokens)
        self.planted: set[Path] = set()

    def plant(self, one: Planted, keys: list[Key]) -> None:
        name = os.path.basename(self.store.path(keys[one.whose]))
        path = self.tokens / one.place.format(name)
        if os.path.lexists(path):
            return
        self.planted.add(path)
        match one.kind:
            case "fifo":
                os.mkfifo(path)
            case "link":
                path.symlink_to(self.victim)
            case "loop":
                path.symlink_to(path)
            case "dangling":
                path.symlink_to(self.outside / "made by a store")
            case "folder" | "full folder":
                path.mkdir(mode=0o700)
                if one.kind == "full folder":
                    (path / "a").touch()
            case "hard link":
                os.link(self.victim, path)
            case _:
                path.write_bytes(one.content)
                if one.kind == "huge":
                    os.truncate(path, HUGE)
                path.chmod(one.mode)

    def check(self) -> None:
        """See that nothing outside was touched, and that what a store has made is private."""
        assert sorted(self.outside.iterdir()) == [self.victim]
        assert self.victim.read_bytes() == b"of another key"
        for path in self.tokens.iterdir():
            status = path.lstat()
            if path not in self.planted or path.name == "saving.lock":
                assert stat.S_ISREG(status.st_mode) or path in self.planted, path
                if stat.S_ISREG(status.st_mode) and path not in self.planted:
                    assert not stat.S_IMODE(status.st_mode) & 0o077, path


@cases
@given(
    keys=st.lists(KEYS, min_size=2, max_size=2, unique=True),
    saved=st.booleans(),
    planted=st.lists(PLANTED, min_size=1, max_size=4),
    acts=st.lists(st.tuples(st.sampled_from(sorted(ACTS)), st.integers(0, 1)), max_size=6),
)
def test_whatever_is_put_into_the_folder_a_store_says_so_and_goes_on(
    keys: list[Key], saved: bool, planted: list[Planted], acts: list[tuple[str, int]]
) -> None:
    folder = Path(tempfile.mkdtemp())
    mask = os.umask(0)
    try:
        ground = Ground(folder)
        if saved:
            assert ground.store.save(keys[1], f"new {keys[1]}", None)
        for one in planted:
            ground.plant(one, keys)
        mine = {one.content.decode("utf-8", "replace") for one in planted} | {"of another key"}
        for name, whose in acts:
            key = keys[whose]
            try:
                found = ACTS[name](ground.store, key)
            except TokenStoreError:
                found = None
            if name == "load" and found is not None:
                assert found in {f"new {key}"} | mine, "the text of another key"
            if name.startswith("save") and found is True:
                path = Path(ground.store.path(key))
                assert stat.S_IMODE(path.lstat().st_mode) == 0o600
                assert path.read_text(encoding="utf-8") == f"new {key}"
                ground.planted.discard(path)
            ground.check()
    finally:
        os.umask(mask)
        shutil.rmtree(folder)


@cases
@given(keys=st.lists(KEYS, min_size=2, max_size=6, unique=True))
def test_keys_are_kept_apart_and_their_accounts_are_told(keys: list[Key]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = FileStore(Path(folder) / "tokens")
        for key in keys:
            assert store.load(key) is None
            assert store.save(key, repr(key), None)
        for key in keys:
            assert store.load(key) == repr(key)
            names = {one.account for one in keys if one.client_id == key.client_id}
            assert set(store.accounts(key.client_id)) <= names
        assert {path.parent for path in Path(folder).rglob("*.json")} == {Path(folder) / "tokens"}
