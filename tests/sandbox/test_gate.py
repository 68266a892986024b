"""Limits, the idempotency store, faults and the log."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path

import httpx
import pytest

from lfsync.errors import UsageError
from lfsync.sandbox.serve import serve
from tests.sandbox.box import Answer, Box, served, settings
from tests.sandbox.conftest import MakeBox

ACCOUNTS = "/v1/accounts"
NEW = {"fields": {"$name": "New"}}


def count(box: Box) -> int:
    return int(box.get(ACCOUNTS)["totalCount"])


# ---------------------------------------------------------------- limits


def test_a_bucket_empties_and_refills(make_box: MakeBox) -> None:
    box = make_box(rps=5)
    answers = [box.request("GET", ACCOUNTS) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0"]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"5"}
    assert answers[-1].headers["X-RateLimit-Reset"] == str(int(box.clock.time) + 1)
    assert answers[-1].headers["Retry-After"] == "1"
    assert answers[-1].json()["error"]["type"] == "too_many_requests"
    assert box.request("GET", "/v1/members").status_code == 429
    assert box.request("GET", "/v1/auth/validate").status_code == 200
    assert box.request("POST", ACCOUNTS, NEW).status_code == 200
    box.clock.time += 0.4
    assert [box.request("GET", ACCOUNTS).status_code for _ in range(3)] == [200, 200, 429]


def test_no_limit(box: Box) -> None:
    answer = box.request("GET", ACCOUNTS)
    assert answer.headers["X-RateLimit-Limit"] == "1000000"
    assert {box.request("GET", "/v1/auth/validate").status_code for _ in range(60)} == {200}


def test_every_answer_has_the_headers(box: Box) -> None:
    for method, path in (("GET", "/v1/nope"), ("POST", ACCOUNTS), ("GET", f"{ACCOUNTS}/x"), ("DELETE", "/")):
        headers = box.request(method, path).headers
        assert {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Date"} <= {
            name.title().replace("Ratelimit", "RateLimit") for name in headers
        }
    assert box.request("GET", ACCOUNTS).headers["Date"] == "Mon, 02 Nov 2026 09:00:00 GMT"


# ---------------------------------------------------------------- idempotency


def test_a_key_replays_whatever_the_body(box: Box) -> None:
    first = box.post(ACCOUNTS, NEW, Idempotency_Key="k")
    assert box.post(ACCOUNTS, {"fields": {"$name": "Other"}}, Idempotency_Key="k") == first
    assert box.post(ACCOUNTS, {"nonsense": 1}, Idempotency_Key="k") == first
    assert count(box) == 3


def test_kinds_and_operations_have_keys_of_their_own(box: Box) -> None:
    made = box.post(ACCOUNTS, NEW, Idempotency_Key="k")["id"]
    box.post("/v1/contacts", {"fields": {}}, Idempotency_Key="k")
    updated = box.post(f"{ACCOUNTS}/{made}", {"fields": {"blurb": "x"}}, Idempotency_Key="k")
    assert updated["fields"]["blurb"]["value"] == "x"


def test_a_key_lasts_a_day_and_a_restart(make_box: MakeBox, tmp_path: Path) -> None:
    first = make_box(database=tmp_path / "db").post(ACCOUNTS, NEW, Idempotency_Key="k")["id"]
    box = make_box(database=tmp_path / "db")
    box.clock.time += 24 * 3600 - 1
    assert box.post(ACCOUNTS, NEW, Idempotency_Key="k")["id"] == first
    box.clock.time += 2
    assert box.post(ACCOUNTS, NEW, Idempotency_Key="k")["id"] != first


def test_a_failure_is_not_kept(box: Box) -> None:
    box.fails(400, "POST", ACCOUNTS, {"fields": {}}, Idempotency_Key="k")
    box.post(ACCOUNTS, NEW, Idempotency_Key="k")


def test_trash_does_not_free_a_key(box: Box) -> None:
    made = box.post(ACCOUNTS, NEW, Idempotency_Key="k")["id"]
    box.ok("DELETE", f"{ACCOUNTS}/{made}")
    assert box.post(ACCOUNTS, NEW, Idempotency_Key="k")["id"] == made
    box.fails(404, "GET", f"{ACCOUNTS}/{made}")


def test_long_keys(box: Box) -> None:
    box.post(ACCOUNTS, NEW, Idempotency_Key="k" * 255)
    error = box.fails(400, "POST", ACCOUNTS, NEW, Idempotency_Key="k" * 256)
    assert (error["code"], error["param"]) == ("idempotency_key_too_long", "Idempotency-Key")


def test_a_key_in_flight(make_box: MakeBox) -> None:
    box = make_box(latency=0.02)

    async def twice() -> list[httpx.Response]:
        headers = {"Idempotency-Key": "k"}
        return await asyncio.gather(*(box.client.post(ACCOUNTS, json=NEW, headers=headers) for _ in range(2)))

    answers = sorted(box.run(twice()), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [200, 409]
    assert answers[1].json()["error"]["type"] == "idempotency_conflict"
    assert box.post(ACCOUNTS, NEW, Idempotency_Key="k") == answers[0].json()
    assert count(box) == 3


# ---------------------------------------------------------------- faults


def test_faults_in_process(make_box: MakeBox) -> None:
    box = make_box(faults=1, random_seed=1)
    seen: Counter[str] = Counter()
    for number in range(300):
        try:
            answer = box.request("POST", ACCOUNTS, NEW, Idempotency_Key=str(number))
            assert answer.headers["X-RateLimit-Limit"]
            seen[str(answer.status_code)] += 1
        except httpx.RemoteProtocolError:
            seen["cut"] += 1
    assert set(seen) == {"429", "500", "503", "cut"}
    log = box.get("/_sandbox/log")
    assert [entry["status"] for entry in log].count(0) == seen["cut"]
    done = box.app.state.workspace.store.count("account", trashed=False, hidden=False, at=2**61) - 2
    assert 70 < seen["cut"] - done < 130
    assert 70 < done < 130


def test_a_cut_after_the_work_has_done_it(make_box: MakeBox) -> None:
    box = make_box(faults=0.5, random_seed=2)

    def insist(method: str, path: str, body: object = None, **headers: str) -> Answer:
        for _ in range(100):
            try:
                answer = box.request(method, path, body, **headers)
            except httpx.RemoteProtocolError:
                continue
            if answer.status_code == 200:
                return answer.json()
        raise AssertionError(path)

    made = {insist("POST", ACCOUNTS, NEW, Idempotency_Key=str(number))["id"] for number in range(50)}
    assert len(made) == 50
    assert insist("GET", ACCOUNTS)["totalCount"] == 52


def test_the_same_seed_has_the_same_faults(make_box: MakeBox) -> None:
    def troubles(box: Box) -> list[int]:
        found = []
        for _ in range(40):
            try:
                found.append(box.request("GET", ACCOUNTS).status_code)
            except httpx.RemoteProtocolError:
                found.append(0)
        return found

    boxes = [make_box(faults=0.4, random_seed=seed) for seed in (7, 7, 8)]
    first, second, third = map(troubles, boxes)
    assert first == second != third


def test_faults_over_http(seed_file: Path) -> None:
    key = {"Authorization": "Bearer sk_lf_x", "Lightfield-Version": "2026-03-01"}
    seen: Counter[str] = Counter()
    server = served(settings(faults=0.6, random_seed=5), seed_file)
    with server as (url, _), httpx.Client(base_url=url, headers=key) as client:
        for number in range(120):
            try:
                answer = client.post(ACCOUNTS, json=NEW, headers={"Idempotency-Key": str(number)})
                seen[str(answer.status_code)] += 1
            except (httpx.ReadError, httpx.RemoteProtocolError):
                seen["cut"] += 1
        log = client.get("/_sandbox/log").json()
    assert Counter(str(entry["status"] or "cut") for entry in log) == seen
    assert seen["cut"] > 20
    assert seen["200"] > 20


# ---------------------------------------------------------------- the log


def test_the_log(box: Box) -> None:
    box.post(f"{ACCOUNTS}?x=%24y", NEW, Idempotency_Key="k")
    box.request("GET", "/v1/nope", Authorization="")
    log = box.get("/_sandbox/log")
    assert log == [
        {
            "time": box.clock.time,
            "method": "POST",
            "path": f"{ACCOUNTS}?x=%24y",
            "status": 200,
            "category": "write",
            "idempotency_key": "k",
        },
        {
            "time": box.clock.time,
            "method": "GET",
            "path": "/v1/nope",
            "status": 401,
            "category": "read",
            "idempotency_key": None,
        },
    ]
    box.post("/_sandbox/reset", None)
    assert box.get("/_sandbox/log") == []
    assert count(box) == 3


def test_the_log_is_free_of_faults_and_keys(make_box: MakeBox) -> None:
    box = make_box(faults=1, rps=1)
    for _ in range(5):
        assert box.ok("GET", "/_sandbox/log", Authorization="") == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_server_ends_cleanly(seed_file: Path, number: signal.Signals) -> None:
    with served(settings(), seed_file) as (url, process):
        assert httpx.get(f"{url}/_sandbox/log").json() == []
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
        assert (process.returncode, out, err) == (0, "", "")


def test_a_port_in_use_is_a_usage_error(seed_file: Path) -> None:
    with served(settings(), seed_file) as (url, _):
        port = int(url.rpartition(":")[2])
        with pytest.raises(UsageError, match=f"can't listen on 127.0.0.1:{port}"):
            serve(settings(), host="127.0.0.1", port=port, database=None, seed=None)
