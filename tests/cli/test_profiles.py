"""Profiles: variables, files of others, files that are no profiles."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from amocrm._support.file_lock import FileLock
from amocrm.cli.profiles import Profile, Profiles, check_profile_name
from amocrm.cli.settings import find_target
from amocrm.errors import ConfigurationError, NotAuthorizedError
from tests.cli.conftest import Run

SECRET = "hush-hush"
GOOD = f"""# mine
current = "shop"

[profiles.shop]
domain = "shop.amocrm.ru"
client_secret = "{SECRET}"
"""


@pytest.fixture
def file(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    path = folder / "profiles.toml"
    path.touch(0o600)
    path.write_text(GOOD)
    return path


def test_a_file_is_kept_as_a_person_wrote_it(file: Path) -> None:
    profiles = Profiles(str(file.parent))
    assert profiles.current() == "shop"
    profiles.save("other", Profile("other.kommo.com", account_id=7, long_lived=True))
    assert file.read_text().startswith("# mine\n")
    assert profiles.all()["other"] == Profile("other.kommo.com", account_id=7, long_lived=True)
    assert profiles.current() == "other"
    profiles.use("shop")
    profiles.forget("shop")
    assert (profiles.current(), list(profiles.all())) == (None, ["other"])
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"profiles = 1", "profiles is no table"),
        (b"[profiles]\nshop = 1", "profiles.shop is no table"),
        (b"[profiles.shop]\ndomian = ''", "unknown key 'domian'"),
        (b"[profiles.shop]\ndomain = 1", "must be of the type str"),
        (b"[profiles.shop]\naccount_id = true", "must be of the type int"),
        (b"[profiles.shop]\nclient_secret = hush-hush\n", "not TOML, line 2"),
        (b"[profiles.shop]\nclient_secret = 'hush-hush", "not TOML, "),
        (b"\xff\xfe[", "not UTF-8"),
        (b"\0", "not TOML"),
        (b"# " + b"a" * 2_000_000, "too large"),
        (b"a = " + b"[" * 10_000, "not TOML"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_file_is_one_line_and_exit_2(
    run: Run, file: Path, content: bytes, said: str
) -> None:
    file.write_bytes(content)
    for command in (["accounts"], ["use", "shop"], ["login", "--no-input"]):
        done = run(*command)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
        assert said in done.err
        assert SECRET not in done.err


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o604])
def test_a_file_that_others_can_read_is_refused(run: Run, file: Path, mode: int) -> None:
    file.chmod(mode)
    done = run("accounts")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "chmod 600" in done.err


def test_a_folder_that_others_can_write_to_is_refused(run: Run, file: Path) -> None:
    file.parent.chmod(0o777)
    assert "chmod go-w" in run("accounts").err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_refused(run: Run, file: Path) -> None:
    os.chown(file, 65534, 65534)
    done = run("accounts")
    assert (done.code, "belongs to another user" in done.err) == (2, True)


def test_links_and_pipes_in_its_place_are_refused(run: Run, file: Path) -> None:
    file.rename(file.parent / "real")
    file.symlink_to(file.parent / "real")
    assert run("accounts").code == 2
    file.unlink()
    os.mkfifo(file, 0o600)
    assert run("accounts").code == 2


def test_commands_that_run_at_once_lose_no_profile(folder: Path) -> None:
    names = [f"shop-{number}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(
            lambda one: Profiles(str(folder)).save(one, Profile("a.amocrm.ru")), names
        ):
            pass
    assert set(Profiles(str(folder)).all()) >= set(names)


def test_profiles_are_read_while_another_command_changes_them(folder: Path) -> None:
    profiles = Profiles(str(folder))
    profiles.save("shop", Profile("a.amocrm.ru"))
    with FileLock(f"{profiles.path}.lock").hold(1):
        assert profiles.get("shop").domain == "a.amocrm.ru"


@pytest.mark.parametrize("name", ["a/b", "", ".", "..", "-x", "a b", "a\0", "a\n", "x" * 65, "a[b"])
def test_names_that_cannot_be_names(name: str) -> None:
    with pytest.raises(ConfigurationError):
        check_profile_name(name)


@pytest.mark.parametrize("name", ["shop", "shop.kommo.com", "shop-2_b", "магазин"])
def test_names_that_can(name: str) -> None:
    assert check_profile_name(name) == name


def test_variables_win(file: Path) -> None:
    profiles = Profiles(str(file.parent))
    assert find_target(profiles, None, {}).profile.domain == "shop.amocrm.ru"
    target = find_target(profiles, None, {"AMOCRM_TOKEN": "t", "AMOCRM_BASE_URL": "http://x"})
    assert (target.token, target.profile.base_url) == ("t", "http://x")
    target = find_target(profiles, None, {"AMOCRM_DOMAIN": "live", "AMOCRM_TOKEN": "t"})
    assert (target.name, target.profile) == (None, Profile("live"))
    with pytest.raises(ConfigurationError, match="two accounts"):
        find_target(profiles, "shop", {"AMOCRM_DOMAIN": "live"})
    with pytest.raises(ConfigurationError, match="no profile 'nope'"):
        find_target(profiles, None, {"AMOCRM_PROFILE": "nope"})
    file.unlink()
    with pytest.raises(NotAuthorizedError):
        find_target(profiles, None, {})
    assert SECRET not in repr(target)
