"""`plan` and `show --format html` (design.md, 15): what the command writes is the page, and the page alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lfsync.planning import plan_file
from lfsync.planning.redaction import HIDDEN
from tests.e2e.test_show import THIRTY, root, saved, told
from tests.render.test_html import parsed

__all__ = ["root", "saved"]

_SETTINGS = "version: 1\nworkspaces: {sandbox: {sandbox: {rps: 0}}}\n"
_CRM = "accounts:\n  acme: {fields: {$name: Acme Söcret, $website: [https://acme.example]}}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "lfsync.yaml").write_text(_SETTINGS)
    (folder / "crm.yaml").write_text(_CRM, "utf-8")
    return folder


def test_plan_writes_the_page_to_stdout_and_saves_the_whole_plan(project: Path) -> None:
    page, _ = told("-C", project, "plan", "--format", "html", "-o", project.parent / "p.json")
    assert page.startswith("<!doctype html>\n")
    assert page.endswith("</html>\n")
    assert "Acme Söcret" in parsed(page).texts
    again, _ = told("-C", project, "show", project.parent / "p.json", "--format", "html")
    assert again == page


def test_what_redact_hides_is_nowhere_in_the_file(project: Path) -> None:
    (project / "lfsync.yaml").write_text(f"{_SETTINGS}redact: [account.$name]\n")
    page, _ = told("-C", project, "plan", "--format", "html", "-o", project.parent / "p.json")
    for html in (page, told("-C", project, "show", project.parent / "p.json", "--format", "html")[0]):
        found = parsed(html)
        assert not [text for text in (*found.texts, *(value for *_, value in found.attributes)) if "cret" in text]
        assert HIDDEN in found.said
        assert "https://acme.example" in found.said
    page, _ = told("-C", project, "plan", "--format", "html", "--redact")
    assert "acme.example" not in page
    assert "account.acme" in parsed(page).texts


def test_a_part_and_the_summary_of_a_saved_plan(saved: Path, root: Path) -> None:
    page, said = told("-C", root, "show", saved, "--format", "html", "--only", "opportunity.deal-*")
    deals = {f"opportunity.deal-000{n}" for n in range(1, 7)}
    assert {id for id in parsed(page).ids if "." in id} == deals
    assert "Shown: 6 of 30 changes." in said
    page, _ = told("-C", root, "show", saved, "--format", "html", "--summary")
    assert len([id for id in parsed(page).ids if "." in id]) == 5


def test_outside_of_a_project_it_warns_that_nothing_is_hidden(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(saved.parent)
    _, said = told("show", saved, "--format", "html")
    assert "every value is shown" in said


def test_any_locale_gets_the_same_bytes_and_other_formats_wait_for_no_template_engine(saved: Path) -> None:
    lfsync = Path(sys.executable).with_name("lfsync")
    command = [sys.executable, "-X", "importtime", str(lfsync), "show", str(saved), "--format"]
    pages = set()
    for encoding in ("utf-8", "ascii", "cp1252"):
        done = subprocess.run(
            [*command, "html"], capture_output=True, cwd=saved.parent, check=True, env={"PYTHONIOENCODING": encoding}
        )
        pages.add(done.stdout)
        assert b"jinja2" in done.stderr
    assert len(pages) == 1
    done = subprocess.run([*command, "text"], capture_output=True, cwd=saved.parent, check=True)
    assert b"jinja2" not in done.stderr
    assert plan_file.from_json(saved.read_text("utf-8")) == THIRTY
