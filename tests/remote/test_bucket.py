"""One object under a server that fails: whatever it does, a write is known to be done, or known not to be."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lfsync.errors import StateError, UsageError
from lfsync.state.bucket import Bucket, MovedError
from tests.remote.rig import STATE_URL, Asked, Fault, Store

NAME = "crm/object"


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    puts=st.lists(st.sampled_from([None, "503", "cut", "lost"]), max_size=3),
    gets=st.lists(st.sampled_from([None, "503", "cut"]), max_size=2),
    before=st.sampled_from([None, b"old"]),
    meddled=st.booleans(),
)
def test_a_write_is_known_to_be_done_or_not(
    s3: Store, puts: list[Fault], gets: list[Fault], before: bytes | None, meddled: bool
) -> None:
    s3.fault = lambda asked: None
    s3.delete(NAME)
    bucket = Bucket(STATE_URL)
    if before is not None:
        s3.put(before, NAME)
    seen = bucket.read(NAME)
    assert (seen and seen.body) == before
    if meddled:
        s3.put(b"another's", NAME)
    left = {"PUT": list(puts), "GET": list(gets)}

    def fault(asked: Asked) -> Fault:
        mine = left.get(asked.method)
        return mine.pop(0) if mine else None

    s3.fault = fault
    if meddled:
        with pytest.raises(MovedError) as moved:
            bucket.replace(NAME, b"new", seen)
        assert moved.value.found is not None
        assert moved.value.found.body == s3.get(NAME) == b"another's"
        return
    put = bucket.replace(NAME, b"new", seen)
    assert s3.get(NAME) == b"new"
    s3.fault = lambda asked: None
    bucket.replace(NAME, b"newer", put)  # what it says of the version is right


def test_what_was_seen_and_is_gone_is_not_written(s3: Store) -> None:
    s3.put(b"old", NAME)
    bucket = Bucket(STATE_URL)
    seen = bucket.read(NAME)
    s3.delete(NAME)
    with pytest.raises(MovedError) as moved:
        bucket.replace(NAME, b"new", seen)
    assert moved.value.found is None
    assert s3.get(NAME) is None


def test_patience_ends(s3: Store) -> None:
    bucket = Bucket(STATE_URL)
    s3.fault = lambda asked: "503" if asked.method == "PUT" else None
    with pytest.raises(StateError, match="can't be written"):
        bucket.replace(NAME, b"new", None, patience=0.5)


def test_a_bucket_that_is_not_there_holds_no_state(s3: Store) -> None:
    bucket = Bucket("s3://no-such-states/prod.jsonl")
    with pytest.raises(StateError, match="no such bucket"):
        bucket.read("prod.jsonl")
    with pytest.raises(StateError, match="no such bucket"):
        bucket.replace("prod.jsonl", b"", None)


def test_megabytes_go_in_one_piece(s3: Store) -> None:
    """A condition holds for one request only."""
    body = bytes(range(256)) * 4096 * 12
    bucket = Bucket(STATE_URL)
    seen = bucket.replace(NAME, body, None)
    with pytest.raises(MovedError):
        bucket.replace(NAME, b"small", None)
    assert s3.get(NAME) == body
    bucket.replace(NAME, b"small", seen)


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore.store", None)
    with pytest.raises(UsageError, match=r"lfsync\[remote\]") as told:
        Bucket(STATE_URL)
    assert told.value.hint is not None
    assert "pip install" in told.value.hint


@pytest.mark.parametrize("url", ["gs://states/prod.jsonl", "az://states/prod.jsonl"])
def test_the_other_clouds_find_their_credentials_in_the_environment(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "states")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "c2VjcmV0")
    assert Bucket(url).path == "prod.jsonl"


def test_an_account_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(StateError, match="Account must be specified"):
        Bucket("az://states/prod.jsonl")
