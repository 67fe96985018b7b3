"""Importing a token that another library has stored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from amocrm import AmoCRM, ConfigurationError, MemoryStore, Token, TokenStore, TokenStoreError
from amocrm.auth.import_tokens import import_token_file
from amocrm.auth.token_record import Alias, Record, read_record, write_record
from amocrm.sandbox import Sandbox
from amocrm.stores.file import FileStore
from amocrm.stores.store import Key, pointer_key
from tests.conftest import Make

SAMPLES = Path(__file__).parent.parent / "samples" / "tokens"
CLIENT = "00000000-0000-4000-8000-000000000001"
HOST = "example.amocrm.ru"
KEY = Key(CLIENT, "1")  # the account id in the access tokens of the samples
NAME = Key(CLIENT, HOST)
EXPIRES = 1_700_086_400
DAY = 86_400


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "tokens")


def stored_token(store: TokenStore, key: Key = KEY, host: str = HOST) -> Token:
    text = store.load(key)
    assert text is not None
    record = read_record(text, *key)
    assert isinstance(record, Record)
    assert record.host == host
    return record.token


@pytest.mark.parametrize(
    "name",
    ["amocrm-js.json", "amocrm-api-php.json", "aioamocrm.json", "amocrm_api", "own-token.json",
     "file-store.json"],
)  # fmt: skip
def test_files_of_other_libraries_are_recognized(store: FileStore, name: str) -> None:
    before = {path: path.read_bytes() for path in SAMPLES.rglob("*.*") if path.is_file()}
    has_account = name in ("amocrm-api-php.json", "file-store.json")
    # The access token of one sample has no claims, so its account id is unknown.
    key = NAME if name == "file-store.json" else KEY
    assert (
        import_token_file(store, SAMPLES / name, account=None if has_account else "Example") == key
    )
    token = stored_token(store, key)
    assert token.refresh_token == "def50200sample"
    assert token.expires_at is not None
    assert int(token.expires_at) == EXPIRES
    assert before == {path: path.read_bytes() for path in SAMPLES.rglob("*.*") if path.is_file()}


def test_every_sample_is_tried() -> None:
    names = {path.name for path in SAMPLES.iterdir()} - {"README.md"}
    assert len(names) == 6


def test_a_missing_account_or_client_id_must_be_passed(store: FileStore, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"pass account="):
        import_token_file(store, SAMPLES / "amocrm-js.json")
    opaque = tmp_path / "token.json"
    opaque.write_text(json.dumps({"access_token": "opaque", "refresh_token": "r"}))
    with pytest.raises(ConfigurationError, match=r"pass client_id="):
        import_token_file(store, opaque, account="example")
    assert import_token_file(store, opaque, account="example", client_id=CLIENT) == NAME
    assert stored_token(store, NAME).refresh_token == "r"


def test_arguments_override_the_file(store: FileStore) -> None:
    key = import_token_file(
        store, SAMPLES / "amocrm-api-php.json", account="other", client_id="mine"
    )
    assert key == Key("mine", "1")
    assert stored_token(store, key, "other.amocrm.ru").refresh_token == "def50200sample"


@pytest.mark.parametrize(
    ("seconds", "replaced"), [(EXPIRES - 1, True), (EXPIRES, False), (EXPIRES + 1, False)]
)
def test_only_an_older_token_is_replaced(store: FileStore, seconds: int, replaced: bool) -> None:
    text = write_record(*NAME, Record(Token("kept", "kept", seconds), HOST))
    assert store.save(NAME, text, None)
    if replaced:
        import_token_file(store, SAMPLES / "amocrm-api-php.json")
        assert stored_token(store).refresh_token == "def50200sample"
        return
    with pytest.raises(TokenStoreError, match=r"is newer.*forget\(\)"):
        import_token_file(store, SAMPLES / "amocrm-api-php.json")
    assert store.load(NAME) == text
    store.forget(NAME)
    assert import_token_file(store, SAMPLES / "amocrm-api-php.json") == KEY


def test_importing_twice_is_no_error(store: FileStore) -> None:
    import_token_file(store, SAMPLES / "amocrm-api-php.json")
    assert import_token_file(store, SAMPLES / "amocrm-api-php.json") == KEY


@pytest.mark.parametrize("older", [True, False])
def test_a_newer_stored_token_is_found_after_the_account_was_renamed(
    store: FileStore, older: bool
) -> None:
    """A former host leads to the id; in an older store, to the host of the record."""
    key = Key(CLIENT, "renamed.amocrm.ru") if older else KEY
    text = write_record(*key, Record(Token("kept", "kept", EXPIRES), "renamed.amocrm.ru"))
    assert store.save(key, text, None)
    pointer = pointer_key(*NAME)
    assert store.save(pointer, write_record(*pointer, Alias(key.account)), None)
    with pytest.raises(TokenStoreError, match="is newer"):
        import_token_file(store, SAMPLES / "amocrm-api-php.json")
    assert store.load(key) == text


def test_a_host_that_leads_to_another_account_stays_with_it(store: FileStore) -> None:
    key, pointer = Key(CLIENT, "2"), pointer_key(*NAME)
    text = write_record(*key, Record(Token("kept", "kept", EXPIRES - DAY), HOST))
    assert store.save(key, text, None)
    assert store.save(pointer, write_record(*pointer, Alias("2")), None)
    with pytest.raises(ConfigurationError, match=r"opens account 1, but .* account 2"):
        import_token_file(store, SAMPLES / "amocrm-api-php.json")
    assert store.load(key) == text
    assert store.load(KEY) is None


def test_a_damaged_record_is_replaced(store: FileStore) -> None:
    assert store.save(NAME, "damaged", None)
    import_token_file(store, SAMPLES / "amocrm-api-php.json")
    assert stored_token(store).refresh_token == "def50200sample"


def test_an_unreadable_file_is_named_in_the_error(store: FileStore, tmp_path: Path) -> None:
    with pytest.raises(TokenStoreError, match=r"nowhere\.json: No such file"):
        import_token_file(store, tmp_path / "nowhere.json")
    with pytest.raises(TokenStoreError, match=r"access_token\.txt: No such file"):
        import_token_file(store, tmp_path)
    (tmp_path / "broken.json").write_text('{"access_token": "SECRET')
    with pytest.raises(ConfigurationError, match=r"broken\.json: the file is") as refusal:
        import_token_file(store, tmp_path / "broken.json")
    assert "SECRET" not in str(refusal.value)
    assert not (tmp_path / "tokens").exists()


def test_a_client_uses_the_imported_token_in_any_store(
    make: Make, sandbox: Sandbox, tmp_path: Path
) -> None:
    before: AmoCRM = make({"code": sandbox.issue_code()})
    before.connect()
    token = before.connection.get_token()
    assert token is not None
    theirs = {"accessToken": token["access_token"], "refreshToken": token["refresh_token"],
              "expires": token["expires_at"], "baseDomain": "example.amocrm.ru"}  # fmt: skip
    (tmp_path / "token_info.json").write_text(json.dumps(theirs))
    store = MemoryStore()
    import_token_file(store, tmp_path / "token_info.json")
    crm = make(store=store)
    assert crm.request.get("/api/v4/account").info.status_code == 200
    assert crm.connection.refresh_token()
    assert sandbox.counters["grants.code"] == 1
    assert sandbox.counters["grants.refused"] == 0


def test_a_newer_stored_token_is_found_if_the_host_leads_nowhere(
    store: FileStore,
) -> None:
    text = write_record(*KEY, Record(Token("kept", "kept", EXPIRES), "renamed.amocrm.ru"))
    assert store.save(KEY, text, None)
    with pytest.raises(TokenStoreError, match="is newer"):
        import_token_file(store, SAMPLES / "amocrm-api-php.json")
    assert store.load(KEY) == text
