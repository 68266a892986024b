"""Files whose bytes nobody takes, or gives back: none is there twice, and the way out is told (rule F1, promise 5)."""

from __future__ import annotations

from starlette.responses import Response

from tests.faults.town import Build, Town, error

FILES = "/v1/files"
CRM = "files: {call: {path: call.txt, purpose: meeting_transcript}}"


def completed(town: Town) -> int:
    return sum(row["status"] == "COMPLETED" for row in town.rows(FILES))


def test_bytes_that_are_refused(build: Build) -> None:
    """Section 7: a failure stays local, and the next run closes the gap."""
    town = build()
    town.write(CRM)
    town.write("Ada: hello", "call.txt")
    town.bent.instead = lambda method, path: Response(status_code=403) if method == "PUT" else None
    said = town.apply(expect=3).out
    assert "the upload was refused with 403\n      The upload was cancelled; apply again." in said
    assert [row["status"] for row in town.rows(FILES)] == ["CANCELLED"]
    town.bent.instead = lambda method, path: None
    town.apply()
    assert completed(town) == 1


def test_a_file_that_can_not_be_read_back(build: Build) -> None:
    """Rule I9: it may hold the content, so nothing is uploaded; the plan says how to go on."""
    town = build()
    town.write(CRM)
    town.write("Ada: hello", "call.txt")
    town.apply()
    (town.root / ".lfsync/state/prod.jsonl").unlink()
    town.bent.instead = lambda method, path: error(404, "not_found") if path.endswith("/url") else None
    (blocked,) = town.plan()["blocked"]
    assert "holds the same content can't be told" in blocked["reason"]
    assert "`id:` in place of `path`" in blocked["hint"]
    (row,) = town.rows(FILES)
    town.write(f"files: {{call: {{id: {row['id']}}}}}")
    town.apply()
    assert completed(town) == 1
