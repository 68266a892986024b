"""`lfsync comment PLAN`: one comment for each workspace and project, kept up to date (design.md, 15)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lfsync.commands.comment import mark_of
from lfsync.model import Address, Blocked, Change, FieldChange, Place, Plan, WorkspaceInfo
from lfsync.planning.plan_file import dumps
from tests.adversary.forge import Forge as Smith
from tests.adversary.forge import forge as smithy
from tests.e2e.rig import Project, Run, checked, settings
from tests.forges.fake import ADA, BOT, LONGEST, Fault, Forge
from tests.serving import served

MARK = "<!-- lfsync plan workspace=prod folder= -->"


def _fields(number: int, text: str) -> tuple[FieldChange, ...]:
    """No two alike."""
    return (FieldChange("$name", "Name", "TEXT", number, text, number, text, "config"),)


def plan(changes: int = 1, text: str = "Acme", workspace: str = "prod", blocked: tuple[Blocked, ...] = ()) -> str:
    made = tuple(
        Change(Address("account", f"a{n}"), "update", Place("a.yaml", 1), f"acc_{n}", text, fields=_fields(n, text))
        for n in range(changes)
    )
    info = WorkspaceInfo(workspace, "https://api.lightfield.app", ("h",))
    return dumps(Plan(info, "2026-11-22T10:00:00Z", "c0ffee", made, blocked))


@dataclass(frozen=True)
class Desk:
    """A project in a CI's checkout, and the forge that the CI belongs to."""

    project: Project
    forge: Forge
    token: str
    smith: Smith

    def comment(self, text: str, *more: str, expect: int = 0, env: Mapping[str, str] | None = None) -> Run:
        path = self.project.folder.parent / "saved.plan.json"
        path.write_text(text, "utf-8")
        arguments = ["-C", str(self.project.folder), "comment", str(path), *more]
        done = self.smith.run(arguments, {**OUTSIDE, **self.project.env, **(env or {})})
        run = checked(Run(done.code, done.out, done.err), expect)
        assert self.token not in run.text
        return run

    def as_(self, token: str) -> Desk:
        name = "GITHUB_TOKEN" if token.startswith("gh") else "GITLAB_TOKEN"
        return replace(self, token=token, project=self.project.elsewhere(**{name: token}))


OUTSIDE = {name: "" for name in os.environ if name.startswith(("GITHUB_", "GITLAB_", "CI"))}
"""Nothing of the CI that these tests run in is heard."""


@pytest.fixture(scope="module")
def smith() -> Iterator[Smith]:
    """Each run is a process of its own, by a fork instead of a start."""
    with smithy() as made:
        yield made


GROUND: list[Forge] = [Forge()]
"""Where the forge of each test stands in its turn: a server's start and end cost more than most tests."""


async def _ground(scope: Any, receive: Any, send: Any) -> None:
    await GROUND[0].app()(scope, receive, send)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(_ground) as found:
        yield found


@pytest.fixture
def forge() -> Forge:
    GROUND[0] = Forge()
    return GROUND[0]


@pytest.fixture
def github(tmp_path: Path, forge: Forge, smith: Smith, url: str) -> Desk:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 5}}))
    env = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": f"{url}/api/v3",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "corp/crm",
        "GITHUB_TOKEN": "ghs_job",
    }
    return _desk(tmp_path, env, forge, "ghs_job", smith)


@pytest.fixture
def gitlab(tmp_path: Path, forge: Forge, smith: Smith, url: str) -> Desk:
    env = {
        "GITLAB_CI": "true",
        "CI_API_V4_URL": f"{url}/api/v4",
        "CI_PROJECT_ID": "12",
        "CI_MERGE_REQUEST_IID": "5",
        "GITLAB_TOKEN": "glpat-bot",
        "CI_JOB_TOKEN": "glcbt-job",
    }
    return _desk(tmp_path, env, forge, "glpat-bot", smith)


@pytest.fixture(params=["github", "gitlab"])
def desk(request: pytest.FixtureRequest) -> Desk:
    found: Desk = request.getfixturevalue(request.param)
    return found


def _desk(tmp_path: Path, env: Mapping[str, str], forge: Forge, token: str, smith: Smith) -> Desk:
    project = Project(tmp_path / "work", env)
    project.write("lfsync.yaml", settings())
    return Desk(project, forge, token, smith)


# ---------------------------------------------------------------- one comment


def test_a_comment_is_made_then_updated_in_place(desk: Desk) -> None:
    desk.forge.add("Looks good to me.", ADA)
    first = desk.comment(plan(1, "Acme"))
    assert "A new comment on" in first.out
    again = desk.comment(plan(2, "Birch"))
    assert "has the plan now" in again.out
    other, ours = desk.forge.bodies
    assert other == "Looks good to me."
    assert ours.startswith(f"{MARK}\n")
    assert "Birch" in ours
    assert "Acme" not in ours


def test_the_same_plan_again_writes_nothing(desk: Desk) -> None:
    desk.comment(plan())
    before = len(desk.forge.writes)
    assert "has this plan already" in desk.comment(plan()).out
    assert len(desk.forge.writes) == before


def test_an_empty_plan_makes_no_comment_and_updates_the_old_one(desk: Desk) -> None:
    assert "nothing to say" in desk.comment(plan(0)).out
    assert desk.forge.writes == []
    desk.comment(plan(1))
    desk.comment(plan(0))
    (ours,) = desk.forge.bodies
    assert "No changes" in ours
    assert "account" not in ours


def test_a_plan_in_which_something_is_blocked_is_not_empty(desk: Desk) -> None:
    blocked = Blocked(Address("task", "call"), "two records match", None, Place("a.yaml", 1))
    desk.comment(plan(0, blocked=(blocked,)))
    assert "two records match" in desk.forge.bodies[0]


def test_each_workspace_and_each_project_folder_has_a_comment_of_its_own(desk: Desk) -> None:
    """Folders that begin alike, too."""
    repository = desk.project.folder
    (repository / ".git").mkdir()
    for folder in ("crm", "crm/eu"):
        (repository / folder).mkdir()
        (repository / folder / "lfsync.yaml").write_text(settings())
        place = replace(desk, project=replace(desk.project, folder=repository / folder))
        for changes in (1, 2):
            place.comment(plan(changes))
    desk.comment(plan(1, workspace="other"))
    assert len(desk.forge.comments) == 3
    assert "### lfsync: `crm/eu`" in desk.forge.bodies[1]


NAMES = ["prod", "prod folder=crm", "prod folder=", "a-->b", "a--", "crm", "crm/", "", "%2D", "-", "ä", "\udcff", "`"]


def test_no_name_ends_the_mark_and_no_two_give_the_same() -> None:
    marks = [mark_of(workspace, folder) for workspace in NAMES for folder in NAMES]
    assert len(set(marks)) == len(marks)
    assert all(mark.find("-->") == len(mark) - 3 and "\n" not in mark and "`" not in mark for mark in marks)
    assert not any(one != other and one.startswith(other) for one in marks for other in marks)


def test_ours_is_found_behind_hundreds_of_others(desk: Desk) -> None:
    for number in range(230):
        desk.forge.add(f"comment {number}", ADA)
    desk.comment(plan(1))
    for number in range(70):
        desk.forge.add(f"later {number}", ADA)
    desk.comment(plan(2))
    assert sum(body.startswith(MARK) for body in desk.forge.bodies) == 1
    assert len(desk.forge.comments) == 301


@pytest.mark.parametrize("token", ["ghs_job", "ghp_ada", "glpat-bot"])
def test_another_authors_comment_is_left_as_it_is(request: pytest.FixtureRequest, token: str) -> None:
    """Anybody can write the mark."""
    place: Desk = request.getfixturevalue("gitlab" if token.startswith("gl") else "github").as_(token)
    someone = {"id": 99, "login": "eve", "username": "eve", "type": "User"}
    planted = f"{MARK}\nI approve this."
    place.forge.add(planted, someone)
    place.comment(plan(1))
    place.comment(plan(2))
    assert place.forge.bodies[0] == planted
    assert len(place.forge.comments) == 2


def test_a_quoted_comment_is_not_ours(desk: Desk) -> None:
    desk.forge.add(f"> {MARK}\n> Plan", BOT)
    desk.comment(plan())
    assert len(desk.forge.comments) == 2


def test_one_that_may_not_be_edited_is_left_and_a_new_one_is_made(desk: Desk) -> None:
    locked = desk.forge.add(f"{MARK}\nold", BOT)
    locked["locked"] = True
    assert "A new comment" in desk.comment(plan()).out
    assert locked["body"] == f"{MARK}\nold"
    assert len(desk.forge.comments) == 2


@pytest.mark.parametrize("text", ["<|@ada|> [x](http://y.example)", "平野太陽光発電", "🌈"])
def test_a_plan_of_any_size_fits(desk: Desk, text: str) -> None:
    """In characters and in bytes, with the mark and the heading."""
    repository = desk.project.folder
    (repository / ".git").mkdir()
    folder = repository / ("crm-" + "ä" * 60) / ("b" * 200)
    folder.mkdir(parents=True)
    (folder / "lfsync.yaml").write_text(settings())
    place = replace(desk, project=replace(desk.project, folder=folder))
    place.comment(plan(3000, text * 10))
    (ours,) = desk.forge.bodies
    assert 30_000 < len(ours.encode()) <= LONGEST
    assert "left out" in ours


def test_half_a_character_and_control_characters_do_no_harm(desk: Desk) -> None:
    desk.comment(plan(text="half \ud800 \x1b[31m \x00 \r\n/close\n@ada"))
    (ours,) = desk.forge.bodies
    assert not any(line.startswith(("/", "@")) for line in ours.splitlines()), "GitLab would obey `/close`"
    assert "\x1b" not in ours


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    "fault",
    [
        Fault("GET", 500),
        Fault("POST", 503, {"Retry-After": "0"}),
        Fault("POST", 429, {"Retry-After": "0"}),
        Fault("POST", 403, {"Retry-After": "0"}),
        Fault("POST", 0, cut=True),
        Fault("POST", 502, after=True),
        Fault("POST", 0, after=True, cut=True),
    ],
    ids=lambda fault: f"{fault.method}-{fault.status}-{'after' if fault.after else 'before'}-{fault.cut}",
)
def test_it_is_tried_again_and_never_makes_two(desk: Desk, fault: Fault) -> None:
    desk.forge.faults = [fault]
    assert "A new comment on" in desk.comment(plan()).out
    assert len(desk.forge.comments) == 1
    assert desk.forge.faults == []


def test_an_update_is_tried_again(desk: Desk) -> None:
    desk.comment(plan(1))
    desk.forge.faults = [Fault("PATCH", 502), Fault("PUT", 502), Fault("PATCH", 429), Fault("PUT", 429)]
    desk.comment(plan(2))
    assert len(desk.forge.comments) == 1
    assert "2 to update" in desk.forge.bodies[0]


def test_a_limit_that_lasts_an_hour_is_said_and_no_second_comment_is_made(desk: Desk) -> None:
    desk.comment(plan(1))
    waits = {"Retry-After": "3600"}
    desk.forge.faults = [Fault("PATCH", 403, waits), Fault("PUT", 403, waits)]
    run = desk.comment(plan(2), expect=1)
    assert "try later" in run.err
    assert "permission" not in run.err
    assert len(desk.forge.comments) == 1


def test_missing_rights_are_told_with_what_to_give(github: Desk, gitlab: Desk) -> None:
    """design.md, 8: a missing scope is exit 4."""
    run = github.as_("ghs_readonly").comment(plan(), expect=4)
    assert "permissions: {pull-requests: write}" in run.err
    assert "Resource not accessible by integration" in run.err
    assert "fork" in run.err
    job = gitlab.as_("glcbt-job")
    env = {"GITLAB_TOKEN": ""}
    run = job.comment(plan(), expect=1, env=env)
    assert "CI_JOB_TOKEN" in run.err
    assert "scope `api`" in run.err
    assert github.forge.comments == []


def test_a_wrong_token_is_told_and_never_shown(desk: Desk) -> None:
    """design.md, 12: not even where the server repeats it."""
    wrong = "ghp_wrong" if "GITHUB_TOKEN" in desk.project.env else "glpat-wrong"
    run = desk.as_(wrong).comment(plan(), expect=1)
    assert "does not accept the token" in run.err
    assert "Bad credentials: ***" in run.err
    assert desk.forge.writes == []


def test_no_redirect_is_followed(desk: Desk) -> None:
    taken = Forge()
    with served(taken.app()) as url:
        desk.forge.elsewhere = f"{url}/api/v3/repos/corp/crm/issues/5/comments"
        run = desk.comment(plan(), expect=1)
    assert "redirects are not followed" in run.err
    assert taken.log == []


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"GITHUB_API_URL": "http://api.corp.example"}, "plain http"),
        ({"GITHUB_API_URL": ""}, "GITHUB_API_URL"),
        ({"GITHUB_API_URL": "https://user:secret@api.corp.example"}, "GITHUB_API_URL"),
        ({"GITHUB_TOKEN": ""}, "github.token"),
        ({"GITHUB_TOKEN": "a\nb"}, "GITHUB_TOKEN holds no token"),
        ({"GITHUB_REPOSITORY": "../../user"}, "GITHUB_REPOSITORY"),
        ({"GITHUB_REPOSITORY": "corp/.."}, "GITHUB_REPOSITORY"),
        ({"GITHUB_EVENT_PATH": "", "GITHUB_REF": "refs/heads/main"}, "no pull request"),
        ({"GITHUB_ACTIONS": ""}, "--on"),
    ],
    ids=str,
)
def test_what_the_environment_lacks_is_told_before_any_request(github: Desk, env: dict[str, str], said: str) -> None:
    run = github.comment(plan(), expect=1, env=env)
    assert said in run.err
    assert github.forge.log == []


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"CI_MERGE_REQUEST_IID": ""}, "no merge request"),
        ({"CI_PROJECT_ID": "../1"}, "no merge request"),
        ({"CI_API_V4_URL": "http://gitlab.corp.example/api/v4"}, "plain http"),
        ({"GITLAB_TOKEN": "", "CI_JOB_TOKEN": ""}, "scope `api`"),
    ],
    ids=str,
)
def test_what_gitlabs_environment_lacks_is_told(gitlab: Desk, env: dict[str, str], said: str) -> None:
    assert said in gitlab.comment(plan(), expect=1, env=env).err
    assert gitlab.forge.log == []


def test_the_ref_names_the_pull_request_where_the_event_does_not(github: Desk) -> None:
    env = {"GITHUB_EVENT_PATH": os.devnull, "GITHUB_REF": "refs/pull/5/merge"}
    github.comment(plan(), env=env)
    assert len(github.forge.comments) == 1


def test_a_comment_on_a_pull_request_is_about_it_and_one_on_an_issue_is_not(github: Desk, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"issue": {"number": 5, "pull_request": {"url": "x"}}}))
    github.comment(plan())
    event.write_text(json.dumps({"issue": {"number": 5}}))
    assert "no pull request" in github.comment(plan(), expect=1).err


def test_on_says_whose_ci_it_is(gitlab: Desk) -> None:
    gitlab.comment(plan(), "--on", "gitlab", env={"GITLAB_CI": ""})
    assert len(gitlab.forge.comments) == 1
    assert (
        "GITHUB_REPOSITORY"
        in gitlab.comment(plan(), "--on", "github", expect=1, env={"GITHUB_REF": "refs/pull/5/merge"}).err
    )


def test_dry_run_prints_the_comment_anywhere_and_asks_nobody(github: Desk, tmp_path: Path) -> None:
    run = github.comment(plan(text="Acme"), "--dry-run", env={"GITHUB_ACTIONS": "", "GITHUB_TOKEN": ""})
    assert run.out.startswith(f"{MARK}\n")
    assert "Acme" in run.out
    assert github.forge.log == []
    github.comment(plan(text="Acme"))
    assert github.forge.bodies == [run.out]


def test_an_edited_plan_is_refused(github: Desk) -> None:
    github.comment(plan().replace("Acme", "Other"), expect=4)
    assert github.forge.log == []
