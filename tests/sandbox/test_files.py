"""Files as the API sheet has them (section 4.9): sessions, presigned uploads and downloads, what becomes of them."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path

import httpx
import pytest

from tests.sandbox.box import KEY, Answer, Box, served, settings
from tests.sandbox.conftest import MakeBox

FILES = "/v1/files"
NEW = {"filename": "call.txt", "mimeType": "text/plain", "sizeBytes": 5}
PLAIN = "Bearer sk_lf_role_member_x"
MIB = 1024**2


def session(box: Box, **body: object) -> Answer:
    return box.post(FILES, {**NEW, **body})


def put(box: Box, made: Answer, content: bytes = b"hello", **changed: str) -> int:
    headers = {**made["uploadHeaders"], **{name.replace("_", "-"): value for name, value in changed.items()}}
    return box.bare("PUT", made["uploadUrl"], content, headers).status


def completed(box: Box, content: bytes = b"hello") -> Answer:
    return box.post(f"{FILES}/{box.upload(content)['id']}/complete", {"md5": md5(content).hexdigest()})


def refused(box: Box, status: int, **body: object) -> tuple[object, object]:
    error = box.fails(status, "POST", FILES, {key: value for key, value in {**NEW, **body}.items() if value != "-"})
    return error.get("code"), error.get("param")


# ---------------------------------------------------------------- sessions


def test_a_session(box: Box) -> None:
    made = session(box)
    assert re.fullmatch(r"fil_\w+", made["id"])
    assert made["uploadUrl"].startswith("http://sandbox/")
    assert "/v1/" not in made["uploadUrl"]
    assert made["uploadHeaders"] == {"content-type": "text/plain"}
    shown = {key: value for key, value in made.items() if not key.startswith("upload")}
    assert shown == {
        "id": made["id"],
        **NEW,
        "status": "PENDING",
        "createdAt": "2026-11-02T09:00:00.000Z",
        "completedAt": None,
        "expiresAt": "2026-11-02T10:00:00.000Z",
    }
    assert box.get(f"{FILES}/{made['id']}") == shown
    listed = box.get(FILES)
    assert (listed["object"], listed["data"][0], listed["totalCount"]) == ("list", shown, 2)


@pytest.mark.parametrize("key", ["filename", "mimeType", "sizeBytes"])
def test_what_a_session_needs(box: Box, key: str) -> None:
    assert refused(box, 400, **{key: "-"}) == ("parameter_missing", key)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("filename", 5),
        ("filename", "x" * 256),
        ("mimeType", "text"),
        ("mimeType", "text/plain\r\nx: y"),
        ("mimeType", "text/pläin"),
        ("mimeType", 5),
        ("sizeBytes", 0),
        ("sizeBytes", 536_870_913),
        ("sizeBytes", "5"),
        ("sizeBytes", True),
        ("purpose", "fun"),
        ("purpose", None),
        ("purpose", []),
    ],
)
def test_what_a_session_refuses(box: Box, key: str, value: object) -> None:
    assert refused(box, 400, **{key: value}) == ("invalid_type", key)
    assert refused(box, 400, nope=1) == ("unknown_field", "nope")


def test_the_limits_themselves(box: Box) -> None:
    session(box, filename="x" * 255, sizeBytes=536_870_912)
    session(box, filename="x", sizeBytes=1)


@pytest.mark.parametrize("purpose", ["meeting_transcript", "knowledge_user", "knowledge_workspace"])
def test_types_by_purpose(box: Box, purpose: str) -> None:
    """U28: which types; that there are some is sure."""
    assert refused(box, 422, purpose=purpose, mimeType="video/mp4") == (None, "mimeType")
    made = session(box, purpose=purpose, mimeType="text/plain; charset=utf-8")
    assert "purpose" not in made
    session(box, mimeType="video/mp4")


def test_the_size_of_an_attachment(box: Box) -> None:
    assert refused(box, 422, purpose="email_attachment", sizeBytes=20 * MIB + 1) == (None, "sizeBytes")
    session(box, purpose="email_attachment", sizeBytes=20 * MIB, mimeType="video/mp4")
    session(box, sizeBytes=20 * MIB + 1)


def test_knowledge(box: Box) -> None:
    """A name with a time stamp, `if-none-match`, 412 for a name that is taken; the workspace's for admins only."""
    made = session(box, purpose="knowledge_user", filename="plan.v2.md")
    assert made["filename"] == f"plan.v2-{int(box.clock.time * 1000)}.md"
    assert made["uploadHeaders"] == {"content-type": "text/plain", "if-none-match": "*"}
    same = session(box, purpose="knowledge_user", filename="plan.v2.md")
    other = session(box, purpose="knowledge_workspace", filename="plan.v2.md")
    assert [put(box, one) for one in (made, same, other, made)] == [200, 412, 200, 412]
    assert box.post(f"{FILES}/{made['id']}/complete", {})["status"] == "COMPLETED"
    long = session(box, purpose="knowledge_user", filename="x" * 251 + ".txt")["filename"]
    assert len(long) == 255
    assert long.endswith(f"-{int(box.clock.time * 1000)}.txt")
    assert session(box, purpose="knowledge_user", filename="LICENSE")["filename"].startswith("LICENSE-")
    body = {**NEW, "purpose": "knowledge_workspace"}
    box.fails(403, "POST", FILES, body, Authorization=PLAIN)
    box.ok("POST", FILES, {**body, "purpose": "knowledge_user"}, Authorization=PLAIN)


# ---------------------------------------------------------------- uploads


def test_an_upload(box: Box) -> None:
    made = session(box)
    assert put(box, made, b"other") == 200
    assert put(box, made) == 200  # the last one counts
    assert box.get(f"{FILES}/{made['id']}")["status"] == "PENDING"
    box.clock.time += 1
    done = box.post(f"{FILES}/{made['id']}/complete", {"md5": md5(b"hello").hexdigest()})
    assert (done["status"], done["completedAt"], done["expiresAt"]) == ("COMPLETED", "2026-11-02T09:00:01.000Z", None)
    assert done == box.get(f"{FILES}/{made['id']}")
    assert put(box, made) == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer x"}, 400),
        ({"Lightfield_Version": "2026-03-01"}, 400),
        ({"content_type": "text/html"}, 403),
        ({"x_custom": "1"}, 403),
        ({"if_none_match": "*"}, 403),
        ({"User_Agent": "x", "Accept": "*/*", "Accept_Encoding": "gzip"}, 200),
    ],
)
def test_exactly_the_headers(box: Box, headers: dict[str, str], status: int) -> None:
    assert put(box, session(box), b"hello", **headers) == status


def test_headers_that_are_asked_for(box: Box) -> None:
    assert box.bare("PUT", session(box)["uploadUrl"], b"hello").status == 403
    made = session(box, purpose="knowledge_user")
    assert box.bare("PUT", made["uploadUrl"], b"hello", {"content-type": "text/plain"}).status == 403


@pytest.mark.parametrize("content", [b"hell", b"hello!", b""])
def test_the_size_is_checked(box: Box, content: bytes) -> None:
    made = session(box)
    assert put(box, made, content) == 400
    box.fails(422, "POST", f"{FILES}/{made['id']}/complete", {})


def test_a_forged_address(box: Box) -> None:
    made = session(box)
    url = str(made["uploadUrl"])
    headers = made["uploadHeaders"]
    later = re.sub(r"expires=\d+", lambda found: f"{found[0]}0", url)
    other = url.replace(made["id"], session(box)["id"])
    download = url.replace("_uploads", "_downloads")
    for forged in (later, other, url.partition("?")[0], f"{url}0", re.sub(r"expires=\d+", "expires=x", url)):
        assert box.bare("PUT", forged, b"hello", headers).status == 403
    assert box.bare("GET", download).status == 403
    answer = box.bare("PUT", later, b"hello", headers)
    assert answer.headers["content-type"] == "application/xml"
    assert b"<Message>The signature does not match.</Message>" in answer.content


def test_an_expired_session(box: Box) -> None:
    made = box.upload()
    box.clock.time += 3600
    shown = box.get(f"{FILES}/{made['id']}")
    assert (shown["status"], shown["expiresAt"]) == ("EXPIRED", None)
    assert box.get(FILES)["data"][0] == shown
    assert put(box, made) == 403
    box.fails(409, "POST", f"{FILES}/{made['id']}/complete", {})
    box.fails(409, "POST", f"{FILES}/{made['id']}/cancel", {})
    box.fails(409, "GET", f"{FILES}/{made['id']}/url")


def test_complete(box: Box) -> None:
    empty = session(box)["id"]
    box.fails(422, "POST", f"{FILES}/{empty}/complete", {})
    path = f"{FILES}/{box.upload()['id']}/complete"
    for wrong in ("x", "A" * 32, "0" * 31, None, 5):
        assert box.fails(400, "POST", path, {"md5": wrong})["param"] == "md5"
    assert box.fails(400, "POST", path, {"sha": "x"})["code"] == "unknown_field"
    assert box.fails(422, "POST", path, {"md5": "0" * 32})["param"] == "md5"
    assert box.post(path, {})["status"] == "COMPLETED"
    box.fails(404, "POST", f"{FILES}/fil_none/complete", {})
    box.fails(404, "POST", f"{FILES}/{box.id('accounts', 'Acme Solar')}/complete", {})


def test_cancel(box: Box) -> None:
    made = box.upload()
    path = f"{FILES}/{made['id']}/cancel"
    assert box.fails(400, "POST", path, {"md5": "0" * 32})["code"] == "unknown_field"
    shown = box.post(path, None)
    assert (shown["status"], shown["expiresAt"], shown["completedAt"]) == ("CANCELLED", None, None)
    assert put(box, made) == 403
    box.fails(409, "POST", path)
    box.fails(409, "POST", f"{FILES}/{made['id']}/complete")
    box.fails(409, "POST", f"{FILES}/{completed(box)['id']}/cancel")
    box.fails(404, "POST", f"{FILES}/fil_none/cancel")


def test_there_is_no_delete_and_no_update(box: Box) -> None:
    path = f"{FILES}/{completed(box)['id']}"
    box.fails(404, "DELETE", path)
    box.fails(404, "POST", path, {"filename": "x"})
    box.fails(404, "POST", f"{path}/restore")


# ---------------------------------------------------------------- downloads and lists


def test_a_download(box: Box) -> None:
    pending = box.upload()["id"]
    box.fails(409, "GET", f"{FILES}/{pending}/url")
    file = completed(box, b"abc" * MIB)
    shown = box.get(f"{FILES}/{file['id']}/url")
    assert set(shown) == {"url", "expiresAt"}
    assert shown["expiresAt"] == "2026-11-02T09:30:00.000Z"
    answer = box.bare("GET", shown["url"])
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/plain")
    assert answer.content == b"abc" * MIB
    box.clock.time += 1800
    assert box.bare("GET", shown["url"]).status == 403
    box.fails(404, "GET", f"{FILES}/fil_none/url")
    box.fails(404, "GET", f"{FILES}/fil_none")


def test_the_list_is_newest_first_and_trails(make_box: MakeBox) -> None:
    box = make_box(index_lag=5)
    first = completed(box)["id"]
    box.clock.time += 1
    second = session(box)["id"]
    assert box.get(FILES)["totalCount"] == 1
    assert box.get(f"{FILES}/{first}")["status"] == "COMPLETED"
    box.clock.time += 6
    assert [row["id"] for row in box.get(FILES)["data"]][:2] == [second, first]
    assert [row["id"] for row in box.get(f"{FILES}?limit=1&offset=1")["data"]] == [first]


SEED = """
members: [{email: kai@corp.example, role: admin}]
files:
  - {filename: old.txt, content: "Grüße"}
  - {ref: app, filename: app.bin, mimeType: application/octet-stream, size: 3000000, app: true}
records:
  meetings:
    - fields: {$title: M, $startDate: 2026-01-01, $endDate: 2026-01-02}
      relationships: {$transcript: app}
"""


@pytest.fixture
def seeded(tmp_path: Path) -> Iterator[Box]:
    path = tmp_path / "seed.yaml"
    path.write_text(SEED)
    box = Box(settings(), tmp_path / "db", path)
    yield box
    box.close()


def test_files_of_a_seed(seeded: Box) -> None:
    """Those uploaded in the app are not listed, but retrieved and downloaded by id."""
    box = seeded
    listed = box.get(FILES)["data"]
    assert [(row["filename"], row["status"], row["sizeBytes"]) for row in listed] == [("old.txt", "COMPLETED", 7)]
    assert box.bare("GET", box.get(f"{FILES}/{listed[0]['id']}/url")["url"]).content == "Grüße".encode()
    app = box.get("/v1/meetings")["data"][0]["relationships"]["$transcript"]["values"][0]
    assert box.get(f"{FILES}/{app}")["filename"] == "app.bin"
    assert box.bare("GET", box.get(f"{FILES}/{app}/url")["url"]).content == bytes(3_000_000)


def test_content_outlives_a_restart(seeded: Box, tmp_path: Path) -> None:
    id, made = completed(seeded, b"kept!")["id"], session(seeded)
    again = Box(settings(), tmp_path / "db")
    assert again.bare("GET", again.get(f"{FILES}/{id}/url")["url"]).content == b"kept!"
    assert put(again, made) == 200
    again.close()
    for path in tmp_path.glob("db*"):
        if path.is_file():
            path.unlink()
    anew = Box(settings(), tmp_path / "db")
    assert not list((tmp_path / "db.files").glob("*"))
    anew.close()


# ---------------------------------------------------------------- keys, categories, faults


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        ("create", "POST", FILES),
        ("create", "POST", f"{FILES}/x/complete"),
        ("create", "POST", f"{FILES}/x/cancel"),
        ("read", "GET", FILES),
        ("read", "GET", f"{FILES}/x"),
        ("read", "GET", f"{FILES}/x/url"),
    ],
)
def test_scopes(box: Box, scope: str, method: str, path: str) -> None:
    error = box.fails(403, method, path, Authorization="Bearer sk_lf_scopes_accounts:read")
    assert f"'files:{scope}'" in error["message"]
    assert box.request(method, path, Authorization=f"Bearer sk_lf_scopes_files:{scope}").status_code != 403


def test_categories(box: Box) -> None:
    """10: files count as writes; storage is not the API, and has no limits."""
    file = completed(box)
    url = box.get(f"{FILES}/{file['id']}/url")["url"]
    answer = box.bare("GET", url)
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]
    box.get(FILES)
    log = [(entry["method"], entry["path"].partition("?")[0], entry["category"]) for entry in box.get("/_sandbox/log")]
    id = file["id"]
    assert log == [
        ("POST", FILES, "write"),
        ("PUT", f"/_uploads/{id}", "storage"),
        ("POST", f"{FILES}/{id}/complete", "write"),
        ("GET", f"{FILES}/{id}/url", "read"),
        ("GET", f"/_downloads/{id}", "storage"),
        ("GET", FILES, "search"),
    ]


def test_limits(make_box: MakeBox) -> None:
    box = make_box(rps=2)
    made = session(box)
    assert {put(box, made) for _ in range(10)} == {200}
    assert session(box)["status"] == "PENDING"
    assert box.request("POST", FILES, NEW).status_code == 429


def test_faults(make_box: MakeBox) -> None:
    """X3, uploads too: refused, cut before and cut after; a retry mends each."""
    box = make_box(faults=0.6, random_seed=4)
    seen: Counter[object] = Counter()
    made = None
    while made is None:
        try:
            answer = box.request("POST", FILES, NEW)
            made = answer.json() if answer.status_code == 200 else None
        except httpx.RemoteProtocolError:
            continue
    for _ in range(100):
        try:
            seen[put(box, made)] += 1
        except httpx.RemoteProtocolError:
            seen["cut"] += 1
    assert set(seen) == {200, 429, 500, 503, "cut"}


def test_a_cut_upload_leaves_nothing(box: Box) -> None:
    made = session(box)

    async def half() -> None:
        async def body() -> object:
            yield b"he"
            raise ConnectionError

        headers = {**made["uploadHeaders"], "content-length": "5"}
        request = httpx.Request("PUT", made["uploadUrl"], content=body(), headers=headers)  # type: ignore[arg-type]
        with pytest.raises(ConnectionError):
            await box.app.state.transport.handle_async_request(request)

    box.app.state.transport = httpx.ASGITransport(box.app)
    box.run(half())
    box.fails(422, "POST", f"{FILES}/{made['id']}/complete", {})
    assert put(box, made) == 200


# ---------------------------------------------------------------- over real HTTP


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_large_upload_takes_little_memory(seed_file: Path) -> None:
    """Streamed to the disk and back: 96 MiB cost the server less than 24."""
    size, block = 96 * MIB, bytes(range(256)) * 4096
    key = {"Authorization": f"Bearer {KEY}", "Lightfield-Version": "2026-03-01"}
    with served(settings(), seed_file) as (url, process), httpx.Client(timeout=60) as client:
        before = peak(process.pid)
        made = client.post(f"{url}{FILES}", json={**NEW, "sizeBytes": size}, headers=key).json()
        assert made["uploadUrl"].startswith(f"{url}/")
        headers = {**made["uploadHeaders"], "content-length": str(size)}
        answer = client.put(made["uploadUrl"], content=(block for _ in range(size // len(block))), headers=headers)
        assert answer.status_code == 200, answer.text
        digest = md5(block * (size // len(block))).hexdigest()
        done = client.post(f"{url}{FILES}/{made['id']}/complete", json={"md5": digest}, headers=key)
        assert done.json()["status"] == "COMPLETED"
        download = client.get(f"{url}{FILES}/{made['id']}/url", headers=key).json()["url"]
        with client.stream("GET", download) as stream:
            assert sum(len(chunk) for chunk in stream.iter_bytes()) == size
        assert peak(process.pid) - before < 24 * MIB


def test_faults_over_http(seed_file: Path) -> None:
    """X3: a cut on the wire, too, leaves either nothing or the whole."""
    key = {"Authorization": f"Bearer {KEY}", "Lightfield-Version": "2026-03-01"}
    content = bytes(range(256)) * 4096
    seen: Counter[object] = Counter()
    with served(settings(faults=0.7, random_seed=6), seed_file) as (url, _), httpx.Client(timeout=30) as client:

        def insist(path: str, body: object) -> Answer:
            for _ in range(50):
                try:
                    answer = client.post(f"{url}{path}", json=body, headers=key)
                except httpx.TransportError:
                    continue
                if answer.status_code == 200:
                    return answer.json()
            raise AssertionError(path)

        made = insist(FILES, {**NEW, "sizeBytes": len(content)})
        for _ in range(40):
            try:
                seen[client.put(made["uploadUrl"], content=content, headers=made["uploadHeaders"]).status_code] += 1
            except httpx.TransportError:
                seen["cut"] += 1
        assert insist(f"{FILES}/{made['id']}/complete", {"md5": md5(content).hexdigest()})["status"] == "COMPLETED"
    assert set(seen) == {200, 429, 500, 503, "cut"}


def peak(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def test_a_length_is_needed(server: str) -> None:
    key = {"Authorization": f"Bearer {KEY}", "Lightfield-Version": "2026-03-01"}
    made = httpx.post(f"{server}{FILES}", json=NEW, headers=key).json()
    chunked = httpx.put(made["uploadUrl"], content=iter([b"hello"]), headers=made["uploadHeaders"])
    assert chunked.status_code == 411
