"""What is written is on the disk before anything relies on it, whatever cuts the power."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="folders cannot be synced here")

WATCHED = """
import json, os, stat, sys

steps = []
fsync, replace, write = os.fsync, os.replace, os.write

def sync_and_tell(handle):
    fsync(handle)
    there = os.fstat(handle)
    kind = "folder" if stat.S_ISDIR(there.st_mode) else "file"
    size = 0 if kind == "folder" else there.st_size
    steps.append(["sync", kind, there.st_ino, size])

def replace_and_tell(source, target):
    there = os.stat(source)
    replace(source, target)
    steps.append(["replace", str(target), there.st_ino, there.st_size])

def write_and_tell(handle, data):
    written = write(handle, data)
    steps.append(["write", "file", os.fstat(handle).st_ino, os.fstat(handle).st_size])
    return written

# They are the system's: the library is imported when they are in place.
os.fsync, os.replace, os.write = sync_and_tell, replace_and_tell, write_and_tell

folder = sys.argv[1]
{work}
print(json.dumps(steps))
"""

TOKENS = """
from amocrm.stores.store import Key
from amocrm.stores.file import FileStore

key = Key("client", "example.amocrm.ru")
store = FileStore(folder)
assert store.save(key, "one", None)
assert store.save(key, "two, longer", "one")
"""

CHECKPOINT = """
from amocrm import AmoCRM
from amocrm.sandbox import Sandbox

portal = Sandbox(rps=None)
for number in range(3):
    portal.add("leads", {"name": str(number), "updated_at": 1_700_000_000 + number})
with AmoCRM(
    "example", {"access_token": portal.issue_long_lived()}, session=portal.session()
) as crm:
    with crm.changes("leads", checkpoint=os.path.join(folder, "kept")) as changed:
        for _ in changed:
            changed.commit()
"""

JOURNAL = """
from amocrm import AmoCRM
from amocrm.sandbox import Sandbox

portal = Sandbox(rps=None)
session = portal.session()
send = session.send

def send_and_tell(*args, **settings):
    steps.append(["send", "", 0, 0])
    return send(*args, **settings)

session.send = send_and_tell
with AmoCRM("example", {"access_token": portal.issue_long_lived()}, session=session) as crm:
    items = [{"name": str(number)} for number in range(3)]
    list(crm.create_many(
        "/api/v4/leads", items, size=1, ahead=0, journal=os.path.join(folder, "journal"),
    ))
"""


def steps(folder: Path, work: str) -> list[list[Any]]:
    """What was written, synced and replaced by a program, in that order."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHED.replace("{work}", work), str(folder)],
        capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2], check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[list[Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("work", "suffix", "sizes"),
    [(TOKENS, ".json", [3, 11]), (CHECKPOINT, "kept", None)],
    ids=["tokens", "checkpoint"],
)
def test_a_file_is_written_synced_replaced_and_its_folder_synced(
    tmp_path: Path, work: str, suffix: str, sizes: list[int] | None
) -> None:
    seen = steps(tmp_path, work)
    assert len(seen) % 3 == 0
    assert seen
    for at in range(0, len(seen), 3):
        content, put, folder = seen[at : at + 3]
        assert (content[:2], put[0], folder[:2]) == (
            ["sync", "file"],
            "replace",
            ["sync", "folder"],
        )
        assert put[1].endswith(suffix)
        assert content[2:] == put[2:], "all of what is put in place was synced before"
        assert content[3] > 0
        assert folder[2] == tmp_path.stat().st_ino
    if sizes is not None:
        assert [one[3] for one in seen[::3]] == sizes


def test_a_journal_s_record_is_written_and_synced_before_the_call_is_sent(tmp_path: Path) -> None:
    created, *seen = steps(tmp_path, JOURNAL)
    assert created[:3] == ["sync", "folder", tmp_path.stat().st_ino]
    names = [one[0] for one in seen]
    announced = ["write", "sync", "send", "write", "sync"]
    assert names == ["write", "sync", *announced * 3]
    for written, synced in pairwise(seen):
        if written[0] == "write":
            assert written[2:] == synced[2:], "what was written is what is synced"
