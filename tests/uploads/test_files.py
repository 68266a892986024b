"""Files in process: identity by content, what an upload does when something goes wrong (rules F1, A5, A8, I4)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import httpx
import pytest

from lfsync.errors import ConfigError
from lfsync.model import Address
from lfsync.planning.draft import Wishes
from lfsync.planning.planned import Planned
from lfsync.planning.selection import Patterns
from lfsync.sandbox.quirks import QUIRKS
from tests.uploads.past import plant
from tests.uploads.yard import KEY, Yard, hashes, yard

A, B = b"the first content", b"the second content, which is longer"
_OURS = ("file-", "upload-", "md5-", "complete-", "cancel-", "refusal-", "error-")


def changes(planned: Planned) -> dict[str, str]:
    return {str(change.address): change.action for change in planned.plan.changes}


def ids(made: Yard) -> dict[str, str]:
    """What the state file binds."""
    lines = (made.folder / ".lfsync" / "state" / "yard.jsonl").read_text().splitlines()[1:]
    return {line["address"]: line["id"] for line in map(json.loads, lines) if "id" in line}


def sent(made: Yard, method: str, path: str = "") -> list[str]:
    return [
        request.url.path
        for request in made.road.requests
        if request.method == method and request.url.path.startswith(path)
    ]


# ---------------------------------------------------------------- identity


def test_unchanged_content_plans_nothing_wherever_its_file_moved() -> None:
    """F1: the content is all that is managed; a new path, name or type is no change, and no plan downloads it."""
    with yard() as made:
        made.declare({"a": A})
        made.fine()
        (made.folder / "moved").mkdir()
        (made.folder / "a.bin").rename(made.folder / "moved" / "renamed.txt")
        (made.folder / "crm.yaml").write_text("files: {a: {path: moved/renamed.txt, purpose: email_attachment}}\n")
        made.road.requests.clear()
        assert changes(made.plan()) == {}
        assert not sent(made, "GET", "/_downloads")
        assert made.completed() == hashes(A)


def test_changed_content_is_an_update_whose_id_is_replaced() -> None:
    with yard() as made:
        made.declare({"a": A})
        made.fine()
        old = ids(made)["file.a"]
        made.declare({"a": B})
        planned = made.plan()
        (change,) = planned.plan.changes
        assert (change.action, change.id) == ("update", old)
        assert f"{old} stays as it is" in change.warnings[0]
        assert planned.plan.requests.write == 2
        made.fine()
        assert made.completed() == hashes(A, B)
        assert ids(made)["file.a"] != old
        assert changes(made.plan()) == {}


def test_content_that_comes_back_is_not_uploaded_again() -> None:
    """Never two completed files of one content: A, B, A finds the first file by its content."""
    with yard() as made:
        for content in (A, B, A, B):
            made.declare({"a": content})
            made.fine()
        assert made.completed() == hashes(A, B)


def test_a_lost_state_finds_the_content_and_adopts_it() -> None:
    """F1: a completed file of equal name, size and type is downloaded and hashed."""
    with yard() as made:
        made.declare({"a": A, "b": B})
        made.fine()
        before = ids(made)
        made.lose("state")
        assert changes(made.plan()) == {"file.a": "adopt", "file.b": "adopt"}
        made.fine()
        assert ids(made) == before
        assert changes(made.plan()) == {}


def test_a_file_of_equal_name_size_and_type_but_other_content_is_another() -> None:
    with yard() as made:
        other = made.elsewhere("a.bin", b"x" * len(A))
        made.declare({"a": A})
        assert changes(made.plan()) == {"file.a": "create"}
        made.fine()
        assert made.completed() == hashes(A, b"x" * len(A))
        assert ids(made)["file.a"] != other


@pytest.mark.parametrize("purpose", ["knowledge_user", "knowledge_workspace"])
def test_knowledge_names_carry_a_suffix(purpose: str) -> None:
    """The API puts the time before the ending of their names; a lost state finds them all the same."""
    with yard({"file-types": "lenient"}) as made:
        made.declare({"a": A}, a=f", purpose: {purpose}")
        made.fine()
        made.lose("state")
        assert changes(made.plan()) == {"file.a": "adopt"}


def test_a_renamed_key_moves_its_file() -> None:
    """I4: what any declared resource resolves to is no orphan; the binding moves without a download."""
    with yard() as made:
        made.declare({"a": A})
        made.fine()
        was = ids(made)["file.a"]
        made.declare({"b": A})
        made.road.requests.clear()
        (change,) = made.plan().plan.changes
        assert (str(change.address), change.action, change.id) == ("file.b", "adopt", was)
        assert not sent(made, "GET", "/_downloads")
        made.fine()
        assert ids(made) == {"file.b": was}


def test_two_files_swap_their_contents() -> None:
    with yard() as made:
        made.declare({"a": A, "b": B})
        made.fine()
        first = ids(made)
        made.declare({"a": B, "b": A})
        made.fine()
        assert ids(made) == {"file.a": first["file.b"], "file.b": first["file.a"]}
        assert made.completed() == hashes(A, B)
        assert changes(made.plan()) == {}


def test_two_declared_files_of_one_content_are_an_error_naming_both() -> None:
    """C10: a lost state could not tell them apart."""
    with yard() as made:
        made.declare({"a": A, "b": A})
        with pytest.raises(ConfigError) as caught:
            made.plan()
        (problem,) = caught.value.problems
        assert "has the content of file.a at crm.yaml:2:" in problem.message
        assert str(problem.place).startswith("crm.yaml:3:")


def test_an_id_names_a_file_of_the_app() -> None:
    """The list omits what was uploaded in the app; a read by id shows it (API sheet 4.9)."""
    with yard() as made:
        there = made.elsewhere("in-app.txt", A)
        row = made.crm.store.get(there)
        made.crm.store.update(row._replace(kind="app-file"))
        (made.folder / "crm.yaml").write_text(f"files: {{a: {{id: {there}}}}}\n")
        assert changes(made.plan()) == {"file.a": "adopt"}
        made.fine()
        assert changes(made.plan()) == {}


def test_an_id_with_a_path_must_hold_that_content() -> None:
    with yard() as made:
        there = made.elsewhere("a.bin", A)
        made.declare({"a": A}, a=f", id: {there}")
        assert changes(made.plan()) == {"file.a": "adopt"}
        made.declare({"a": B}, a=f", id: {there}")
        planned = made.plan()
        assert changes(planned) == {}
        assert "holds other content" in planned.plan.blocked[0].reason


@pytest.mark.parametrize("status", ["CANCELLED", "EXPIRED", "PENDING", "404"])
def test_a_bound_file_that_is_gone_is_blocked(status: str) -> None:
    """I6: it is never silently made again; --recreate-missing uploads it anew."""
    with yard() as made:
        made.declare({"a": A})
        made.fine()
        row = made.crm.store.get(ids(made)["file.a"])
        far = made.crm.store.now() + 10**9
        fields = {**row.fields, "status": status, "expires": far if status == "PENDING" else None}
        made.crm.store.update(row._replace(fields=fields, kind="gone" if status == "404" else row.kind))
        blocked = made.plan().plan.blocked[0]
        assert "which is gone" in blocked.reason
        assert status == "404" or f"its upload is {status}" in blocked.reason
        planned = made.plan(Wishes(recreate_missing=True))
        assert changes(planned) == {"file.a": "create"}
        made.fine(Wishes(recreate_missing=True))
        assert ids(made)["file.a"] != row.id
        assert changes(made.plan()) == {}


def test_seed_uploads_once() -> None:
    with yard() as made:
        made.declare({"a": A}, a=", lifecycle: {seed: true}")
        made.fine()
        made.declare({"a": B}, a=", lifecycle: {seed: true}")
        assert changes(made.plan()) == {}


def downloads(made: Yard) -> list[str]:
    """The files whose content was asked for in the last run."""
    paths = [request.url.path for request in made.road.requests if request.url.path.endswith("/url")]
    made.road.requests.clear()
    return paths


def test_a_seed_that_was_adopted_is_known_by_its_content() -> None:
    """F1: identity is the content's hash, of a seed too: it is downloaded when it is adopted, and never after that."""
    with yard() as made:
        made.declare({"a": A}, a=", lifecycle: {seed: true}")
        made.fine()
        before = ids(made)
        made.lose("state")
        made.fine()
        assert len(downloads(made)) > 0
        assert ids(made) == before
        made.declare({"a": A})
        assert changes(made.plan()) == {}
        made.declare({"renamed": A})
        assert changes(made.plan()) == {"file.renamed": "adopt"}
        made.declare({"a": B}, a=", lifecycle: {seed: true}")
        assert changes(made.plan()) == {}, "L1: never updated"
        made.fine()
        made.declare({"a": B})
        assert changes(made.plan()) == {"file.a": "update"}
        made.declare({"a": B}, a=", lifecycle: {seed: true}")
        assert changes(made.plan()) == {}
        made.declare({"a": A})
        assert changes(made.plan()) == {}
        assert downloads(made) == []


def test_a_seed_that_an_id_names_is_taken_as_it_is() -> None:
    """I7, L1: nothing is downloaded for it, whatever it holds; it is asked when it is no seed any more."""
    with yard() as made:
        there = made.elsewhere("other.bin", B)
        made.declare({"a": A}, a=f", id: {there}, lifecycle: {{seed: true}}")
        made.fine()
        assert downloads(made) == []
        made.declare({"a": A}, a=f", id: {there}")
        assert "holds other content" in made.plan().plan.blocked[0].reason
        made.declare({"a": A})
        made.fine()
        assert made.completed() == hashes(A, B)


def test_what_an_adopted_seed_holds_is_known() -> None:
    """Rules F1, S3: the content that was read to adopt it is not uploaded again under another name."""
    with yard() as made:
        there = made.elsewhere("a.bin", A)
        made.declare({"a": A}, a=", lifecycle: {seed: true}")
        assert changes(made.plan()) == {"file.a": "adopt"}
        made.fine()
        made.declare({"b": A})
        made.road.requests.clear()
        assert changes(made.plan()) == {"file.b": "adopt"}
        assert not sent(made, "GET", "/_downloads")
        made.fine()
        assert ids(made) == {"file.b": there}
        assert made.completed() == hashes(A)


@pytest.mark.parametrize("more", ["", ", lifecycle: {seed: true}"])
def test_a_content_that_a_merge_of_states_forgot_is_found(more: str) -> None:
    """Rules F1, M2: hashes under another salt are dropped; the file is bound all the same, and can be read."""
    with yard() as made:
        made.declare({"a": A}, a=more)
        made.fine()
        there = ids(made)["file.a"]
        made.forget_hashes()
        made.declare({"b": A})
        assert changes(made.plan()) == {"file.b": "adopt"}
        made.fine()
        assert ids(made) == {"file.b": there}
        assert made.completed() == hashes(A)


def test_prune_never_touches_a_file() -> None:
    """F1: it stays, and the plan says so."""
    with yard() as made:
        made.declare({"a": A, "b": B})
        made.fine()
        made.declare({"b": B})
        planned = made.plan(Wishes(prune=True))
        assert changes(planned) == {}
        assert "the API deletes no files" in planned.plan.warnings[0].message
        made.fine(Wishes(prune=True))
        assert set(made.status().values()) == {"COMPLETED"}


@pytest.mark.parametrize("path", ["out/secret.txt", "link.txt", "../p.txt", ".git/config", "state", "pipe"])
def test_nothing_outside_and_nothing_of_gits_or_lfsyncs_own_is_uploaded(path: str, tmp_path: Path) -> None:
    """C13: paths stay inside the project, links included; what is no plain file is none."""
    (tmp_path / "secret.txt").write_bytes(A)
    with yard() as made:
        (made.folder / "out").symlink_to(tmp_path)
        (made.folder / "link.txt").symlink_to(tmp_path / "secret.txt")
        (made.folder / ".git").mkdir()
        (made.folder / ".git" / "config").write_bytes(A)
        (made.folder / ".lfsync").mkdir()
        (made.folder / ".lfsync" / "x").write_bytes(A)
        (made.folder / "state").symlink_to(made.folder / ".lfsync" / "x")
        os.mkfifo(made.folder / "pipe")
        (made.folder / "crm.yaml").write_text(f"files: {{a: {{path: {path}, mimeType: text/plain}}}}\n")
        with pytest.raises(ConfigError) as caught:
            made.plan()
        (problem,) = caught.value.problems
        assert str(problem.place) == "crm.yaml:1:19"
        assert str(problem.address) == "file.a"


def test_the_type_of_a_purpose_is_a_warning_where_nobody_is_sure() -> None:
    """U28: which types a purpose takes is not documented."""
    with yard() as made:
        made.declare({"a": A}, a=", purpose: meeting_transcript, mimeType: video/mp4")
        assert any("may refuse video/mp4" in warning.message for warning in made.plan().plan.warnings)
        made.declare({"a": A}, a=", purpose: meeting_transcript, mimeType: text/vtt")
        assert made.plan().plan.warnings == ()


def test_an_attachment_has_at_most_20_mib() -> None:
    with yard() as made:
        made.declare({"a": A}, a=", purpose: email_attachment")
        with (made.folder / "a.bin").open("wb") as file:
            file.truncate(20 * 1024**2)
        made.plan()
        with (made.folder / "a.bin").open("wb") as file:
            file.truncate(20 * 1024**2 + 1)
        with pytest.raises(ConfigError, match="1 problem") as caught:
            made.plan()
        assert "at most 20,971,520" in caught.value.problems[0].message
        with (made.folder / "a.bin").open("wb") as file:
            file.truncate(512 * 1024**2 + 1)
        with pytest.raises(ConfigError) as caught:
            made.plan()
        assert "the API takes 1 to 536,870,912" in caught.value.problems[0].message


# ---------------------------------------------------------------- what goes wrong


def test_content_that_changes_on_disk_after_the_plan_fails_and_is_cancelled() -> None:
    with yard() as made:
        made.declare({"a": A, "b": B})

        def edit(_: Planned) -> None:
            (made.folder / "a.bin").write_bytes(bytes(len(A)))

        outcomes = made.apply(between=edit)
        assert outcomes is not None
        found = {str(outcome.address): outcome for outcome in outcomes}
        assert found["file.b"].status == "done"
        assert found["file.a"].status == "failed"
        assert "was changed on disk" in str(found["file.a"].reason)
        assert made.completed() == hashes(B)
        assert made.pending() == set()


@pytest.mark.parametrize("how", ["shorter", "longer", "gone", "a link out of the project"])
def test_a_file_that_is_another_by_now(how: str, tmp_path: Path) -> None:
    with yard() as made:
        made.declare({"a": A})
        secret = tmp_path / "secret"
        secret.write_bytes(A)

        def edit(_: Planned) -> None:
            path = made.folder / "a.bin"
            if how in ("shorter", "longer"):
                path.write_bytes(A[:-1] if how == "shorter" else A + b"!")
                return
            path.unlink()
            if how != "gone":
                path.symlink_to(secret)

        outcomes = made.apply(between=edit)
        assert outcomes is not None
        assert [outcome.status for outcome in outcomes] == ["failed"]
        assert made.completed() == hashes()
        assert made.pending() == set()
        assert not made.left().uploads


def test_an_interrupted_upload_ends_and_none_is_begun() -> None:
    """Design 7: Ctrl-C finishes what is in flight and keeps it."""
    with yard() as made:
        made.declare({key: key.encode() * 3_000_000 for key in "abcdef"})
        step = made.stepping.uploading

        def interrupt(address: Address, sent: int, size: int) -> None:
            step(address, sent, size)
            if sent > 1_000_000:
                assert made.applier is not None
                made.applier.stop()

        made.stepping.uploading = interrupt  # type: ignore[method-assign]
        outcomes = made.apply()
        assert outcomes is not None
        done = [outcome.status for outcome in outcomes].count("done")
        assert done == 4  # as many are uploaded at once
        assert {outcome.reason for outcome in outcomes if outcome.status != "done"} == {"interrupted before it began"}
        assert list(made.status().values()) == ["COMPLETED"] * done
        assert not made.left().uploads


def test_a_file_of_this_content_that_came_after_the_plan_is_not_doubled() -> None:
    """A1: a create goes only if nothing has come since."""
    with yard() as made:
        made.declare({"a": A})
        planned = made.apply(between=lambda _: plant(made, "a.bin", A))
        assert planned is not None
        assert [outcome.status for outcome in planned] == ["stale"]
        assert made.completed() == hashes(A)


def test_only_of_something_else_leaves_an_open_upload_alone() -> None:
    """A4: `--only` of other things leaves them open."""
    with yard() as made:
        made.declare({"a": b"a" * 2_000_000, "b": B})
        count = 25
        while made.apply(count) is None and not made.left().uploads:
            count += 1
        opened = set(made.left().uploads)
        assert opened
        text = (made.folder / "crm.yaml").read_text()
        (made.folder / "crm.yaml").write_text(text + "accounts: {x: {fields: {$name: X}}}\n")
        planned = made.plan(patterns=Patterns(only=("account.x",)))
        assert not planned.plan.warnings
        assert planned.plan.requests.write == 1


# ---------------------------------------------------------------- answers of the API


@pytest.mark.parametrize(
    ("name", "value"),
    [(quirk.name, value) for quirk in QUIRKS if quirk.name.startswith(_OURS) for value in quirk.values],
)
def test_the_laws_hold_under_every_quirk(name: str, value: str) -> None:
    """design 10: plan after apply is empty, applying twice writes once, whatever the API answers."""
    with yard({name: value}) as made:
        (made.folder / "note.txt").write_bytes(A)
        made.declare({"a": A, "b": B})
        made.fine()
        assert changes(made.plan()) == {}
        made.fine()
        assert not sent(made, "POST")
        made.declare({"a": B, "b": b"new"})
        made.fine()
        assert made.completed() == hashes(A, B, b"new")
        assert made.pending() == set()
        assert changes(made.plan()) == {}


@pytest.mark.parametrize("md5", ["pending", "cancelled"])
def test_bytes_that_arrive_as_others_are_sent_again(md5: str) -> None:
    """What md5 refuses is begun again; after three times it fails, and nothing stays open."""
    with yard({"md5-wrong": md5}) as made:
        made.declare({"a": A})
        real = made.crm.store.contents.writer
        spoilt = 0

        def writer(name: str, part: str) -> object:
            nonlocal spoilt
            spoilt += 1
            found = real(name, part)
            if spoilt <= broken:
                write = found.write
                found.write = lambda chunk: write(bytes(len(chunk)))
            return found

        made.crm.store.contents.writer = writer
        broken = 2
        made.fine()
        assert made.completed() == hashes(A)
        assert made.pending() == set()
        made.declare({"a": B})
        broken = 99
        outcomes = made.apply()
        assert outcomes is not None
        assert outcomes[0].status == "failed"
        assert "came to nothing" in str(outcomes[0].reason)
        assert "apply again" in str(outcomes[0].hint)
        assert made.completed() == hashes(A)
        assert made.pending() == set()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("lag", [0, 1.5])
def test_faults(seed: int, lag: float) -> None:
    """Refused, cut before the work, cut after it: the promises hold, and in the end all is there once (A5)."""
    files = {"a": A, "b": B, "c": b"c" * 600_000}
    with yard(faults=0.2, lag=lag, random_seed=seed) as made:
        made.declare(files)
        for _ in range(6):
            outcomes = made.apply()
            assert outcomes is not None
            if all(outcome.status in ("done", "unchanged") for outcome in outcomes):
                break
        assert made.completed() == hashes(*files.values())
        assert changes(made.plan()) == {}


class Lossy(httpx.AsyncBaseTransport):
    """Loses the answer to the first begin."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner
        self.is_lost = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self.inner.handle_async_request(request)
        if request.method == "POST" and request.url.path == "/v1/files" and not self.is_lost:
            self.is_lost = True
            raise httpx.ReadError("cut", request=request)
        return answer


def test_a_begin_whose_answer_is_lost_is_searched_for_and_not_sent_again_blindly() -> None:
    """A5: once the lag has passed a complete search decides; then a new one is begun."""
    with yard(lag=1.0) as made:
        made.declare({"a": A})
        made.road.inner = Lossy(made.road.inner)
        made.fine()
        order = [f"{request.method} {request.url.path}" for request in made.road.requests]
        begun = [index for index, what in enumerate(order) if what == "POST /v1/files"]
        assert len(begun) == 2
        assert "GET /v1/files" in order[begun[0] + 1 : begun[1]]
        assert made.time.skipped >= 1.9
        assert made.completed() == hashes(A)


# ---------------------------------------------------------------- secrets, headers


def test_the_upload_carries_what_was_asked_for_and_nothing_of_lightfields() -> None:
    with yard() as made:
        made.declare({"a": A})
        made.fine()
        (put,) = [request for request in made.road.requests if request.method == "PUT"]
        assert sorted(put.headers) == ["content-length", "content-type", "host"]
        assert put.headers["content-length"] == str(len(A))
        assert KEY not in str(put.headers)


def test_the_address_of_an_upload_is_a_secret() -> None:
    """It stands in the journal alone; no repr, and so no traceback, shows it."""
    with yard() as made:
        made.declare({"a": b"a" * 2_000_000})
        made.fine()
        count = made.reaper.steps
    with yard() as made:
        made.declare({"a": b"a" * 2_000_000})
        assert made.apply(count // 2) is None
        (opened,) = made.left().uploads.values()
        assert "signature" in opened.url
        assert "signature" not in repr(opened)
