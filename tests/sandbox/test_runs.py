"""Workflow runs of the seed: running until the latency has passed, then as the seed says (API sheet 4.13)."""

from __future__ import annotations

from pathlib import Path

from lightfield import Lightfield

from tests.e2e.rig import serving
from tests.sandbox.box import KEY, Box
from tests.sandbox.conftest import MakeBox


def status(box: Box, run: str) -> object:
    return box.get(f"/v1/workflowRun/{run}/status")


def test_a_run_ends_when_its_latency_has_passed(make_box: MakeBox) -> None:
    box = make_box(workflow_latency=5)
    box.clock.time += 100
    assert status(box, "run_nightly") == status(box, "run_import") == {"status": "running"}
    box.clock.time += 4.9
    assert status(box, "run_nightly") == {"status": "running"}
    box.clock.time += 0.1
    assert status(box, "run_nightly") == {"status": "completed"}
    assert status(box, "run_import") == {"status": "failed"}


def test_without_latency_it_is_over_at_once(box: Box) -> None:
    """Rule X1: latencies are 0 by default."""
    assert status(box, "run_nightly") == {"status": "completed"}


def test_the_status_is_free_text(make_box: MakeBox) -> None:
    box = make_box({"run-status-words": "other"}, workflow_latency=5)
    assert status(box, "run_review") == {"status": "waiting for approval"}
    assert status(box, "run_import") == {"status": "in_progress"}
    box.clock.time += 5
    assert status(box, "run_import") == {"status": "errored"}
    assert status(box, "run_review") == {"status": "waiting for approval"}


def test_an_unknown_run_is_404(box: Box) -> None:
    box.fails(404, "GET", "/v1/workflowRun/run_none/status")
    box.fails(404, "GET", "/v1/workflowRun/run_nightly")


def test_it_asks_for_a_key_but_for_no_version(box: Box) -> None:
    box.ok("GET", "/v1/workflowRun/run_nightly/status", Lightfield_Version="")
    box.fails(401, "GET", "/v1/workflowRun/run_nightly/status", Authorization="")


def test_a_run_outlives_the_process(make_box: MakeBox, tmp_path: Path) -> None:
    first = make_box(database=tmp_path / "db", workflow_latency=5)
    assert status(first, "run_nightly") == {"status": "running"}
    second = make_box(database=tmp_path / "db", workflow_latency=5)
    second.clock.time += 5
    assert status(second, "run_nightly") == {"status": "completed"}


def test_serve_takes_the_latency(seed_file: Path) -> None:
    """Design 9: `sandbox serve --workflow-latency SECONDS`."""
    with (
        serving(seed_file, "--workflow-latency", "60") as server,
        Lightfield(api_key=KEY, base_url=server.url, _strict_response_validation=True, max_retries=0) as sdk,
    ):
        assert sdk.workflow_run.status("run_nightly").status == "running"
