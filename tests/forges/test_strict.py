"""`Comments` against forges that keep to their documentation to the letter: none doubled, none of others touched."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any, Literal

import pytest

from lfsync.commands.forges.comments import Comments, Put
from lfsync.commands.forges.environment import forge_of
from lfsync.errors import (
    ApiError,
    CredentialsError,
    ForbiddenError,
    LfsyncError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    UnreadableError,
    UsageError,
)
from tests.forges.strict import EVE, OTHER_BOT, STARTER, Answer, Strict, serving

Kind = Literal["github", "gitlab"]
MARK = "<!-- lfsync plan workspace=prod folder= -->"
BODY = f"{MARK}\nthe plan"
WRITES = {"github": "PATCH", "gitlab": "PUT"}


@dataclass
class Desk:
    """A job of a CI at such a forge. `slept`: what it waited for between tries, without waiting."""

    forge: Strict
    env: dict[str, str]
    slept: list[float] = field(default_factory=list)

    def put(self, body: str = BODY, *, new: bool = True, env: Mapping[str, str] | None = None) -> Put:
        with Comments(forge_of(None, {**self.env, **(env or {})}), sleep=self.slept.append) as comments:
            return comments.put(MARK, body, new=new)

    @property
    def edit(self) -> str:
        return WRITES[self.forge.kind]

    @property
    def ours(self) -> list[str]:
        return [body for body in self.forge.bodies() if body.startswith(MARK)]


def env_of(kind: Kind, url: str) -> dict[str, str]:
    if kind == "gitlab":
        return {
            "GITLAB_CI": "true",
            "CI_API_V4_URL": f"{url}/deep/inside/api/v4/",
            "CI_PROJECT_ID": "12",
            "CI_MERGE_REQUEST_IID": "5",
            "GITLAB_TOKEN": "glpat-secret",
        }
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": f"{url}/deep/inside/api/v3/",
        "GITHUB_REF": "refs/pull/5/merge",
        "GITHUB_REPOSITORY": "corp/crm",
        "GITHUB_TOKEN": "ghs_secret",
    }


@pytest.fixture(params=["github", "gitlab"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    forge = Strict(request.param)
    with serving(forge) as url:
        yield Desk(forge, env_of(forge.kind, url))


@pytest.fixture
def gitlab() -> Iterator[Desk]:
    forge = Strict("gitlab")
    with serving(forge) as url:
        yield Desk(forge, env_of("gitlab", url))


@pytest.fixture
def github() -> Iterator[Desk]:
    forge = Strict("github")
    with serving(forge) as url:
        yield Desk(forge, env_of("github", url))


# ---------------------------------------------------------------- which comment


@pytest.mark.parametrize("others", [0, 1, 99, 100, 101, 199, 200, 201, 450])
def test_ours_is_found_wherever_a_page_ends(desk: Desk, others: int) -> None:
    for number in range(others):
        desk.forge.say(f"{number}", EVE)
    assert desk.put() == "made"
    for number in range(others):
        desk.forge.say(f"{number}", EVE)
    assert desk.put(f"{BODY} 2") == "updated"
    assert desk.put(f"{BODY} 2") == "unchanged"
    assert desk.ours == [f"{BODY} 2"]
    assert all("page=" in line or "/user" in line for line in desk.forge.log if line.startswith("GET"))


@pytest.mark.parametrize("unseen", [1, 100])
def test_a_short_page_is_not_the_last_one(gitlab: Desk, unseen: int) -> None:
    """GitLab takes what the token may not see out of a page, and fills none up; a whole page can be empty."""
    ours = gitlab.forge.say(BODY, gitlab.forge.me)
    later = [gitlab.forge.say(f"{number}", EVE)["id"] for number in range(230)]
    gitlab.forge.hidden = set(later[-unseen:])
    assert gitlab.put(f"{BODY} 2") == "updated"
    assert ours["body"] == f"{BODY} 2"
    assert len(gitlab.ours) == 1


def test_a_forge_that_knows_no_pages_ends(github: Desk) -> None:
    """Gitea's actions set the same names, and its comments come all at once, whatever page is asked for."""
    rows = [github.forge.say(f"{number}", EVE) for number in range(100)]
    github.forge.script["GET"] = [Answer(403, {"message": "no"}), *(Answer(200, rows) for _ in range(5))]
    assert github.put() == "made"


def test_one_deleted_between_two_pages_hides_ours_from_neither_look(desk: Desk) -> None:
    first = [desk.forge.say(f"{number}", EVE) for number in range(100)]
    if desk.forge.kind == "github":
        desk.forge.say(BODY, desk.forge.me)
        gone = first[0]
    else:  # newest first
        desk.forge.comments.insert(0, {"id": 1, "body": BODY, "author": desk.forge.me})
        gone = first[-1]

    def delete() -> None:
        desk.forge.between_pages = None
        desk.forge.comments.remove(gone)

    desk.forge.between_pages = delete
    assert desk.put(f"{BODY} 2") == "updated"
    assert desk.ours == [f"{BODY} 2"]


def test_the_mark_in_somebody_elses_comment_is_nothing(desk: Desk) -> None:
    """Also where the token may edit it: GitHub's may edit any, and so may that of a maintainer of GitLab's."""
    planted = [
        desk.forge.say(BODY, EVE),
        desk.forge.say(f"{MARK}\n", None),
        desk.forge.say(f"> {BODY}", desk.forge.me),
        desk.forge.say(f" {BODY}", desk.forge.me),
        desk.forge.say(f"&lt;{BODY[1:]}", desk.forge.me),
        desk.forge.say(BODY.upper(), desk.forge.me),
        desk.forge.say("", desk.forge.me, system=True),
    ]
    before = [each["body"] for each in planted]
    assert desk.put(f"{BODY} 2") == "made"
    assert desk.put(f"{BODY} 3") == "updated"
    assert [each["body"] for each in planted] == before
    assert desk.forge.comments[-1]["body"] == f"{BODY} 3"


def test_a_job_of_gitlab_touches_only_what_its_starter_wrote(gitlab: Desk) -> None:
    """A maintainer's job may edit any note: whose it writes as is told by the environment."""
    env = {"GITLAB_TOKEN": "", "CI_JOB_TOKEN": "glcbt-secret", "GITLAB_USER_ID": "31"}
    eves = gitlab.forge.say(BODY, EVE)
    own = gitlab.forge.say(BODY, STARTER)
    assert gitlab.put(f"{BODY} 2", env=env) == "updated"
    assert (eves["body"], own["body"]) == (BODY, f"{BODY} 2")
    gitlab.put(f"{BODY} 3", env={**env, "GITLAB_USER_ID": ""})
    assert (eves["body"], own["body"]) == (BODY, f"{BODY} 2")


def test_a_token_of_gitlab_that_may_not_say_whose_it_is_touches_nothing(gitlab: Desk) -> None:
    gitlab.forge.script["GET"] = [Answer(403, {"error": "insufficient_scope", "scope": "api"})]
    with pytest.raises(ForbiddenError, match="insufficient_scope"):
        gitlab.put()
    assert gitlab.forge.writes() == []


def test_another_bots_comment_is_left_where_the_forge_says_no(desk: Desk) -> None:
    other = desk.forge.say(BODY, OTHER_BOT if desk.forge.kind == "github" else desk.forge.me, locked=True)
    assert desk.put(f"{BODY} 2") == "made"
    assert other["body"] == BODY
    assert desk.put(f"{BODY} 3") == "updated"
    assert len(desk.ours) == 2


def test_one_deleted_just_before_the_edit_is_made_anew(desk: Desk) -> None:
    desk.forge.say(BODY, desk.forge.me)
    desk.forge.script[desk.edit] = [Answer(404, {"message": "404 Not found"})]
    assert desk.put(f"{BODY} 2") == "made"


def test_two_of_ours_never_show_two_plans(desk: Desk) -> None:
    """Two jobs side by side can make two. One that says the plan of last week is worse than none."""
    old, young = desk.forge.say(BODY, desk.forge.me), desk.forge.say(f"{BODY} old", desk.forge.me)
    assert desk.put(f"{BODY} 2") == "updated"
    assert old["body"] == f"{BODY} 2"
    assert young["body"].startswith(f"{MARK}\n")
    assert "plan" not in young["body"].removeprefix(MARK).replace("The plan is in the other comment", "")
    before = len(desk.forge.writes())
    assert desk.put(f"{BODY} 2") == "unchanged"
    assert len(desk.forge.writes()) == before
    desk.forge.comments.remove(old)
    assert desk.put(f"{BODY} 3") == "updated"
    assert desk.ours == [f"{BODY} 3"]


def test_line_ends_and_blanks_that_a_forge_changes_are_no_news(desk: Desk) -> None:
    desk.forge.say(f"{MARK}\r\nthe plan", desk.forge.me)
    assert desk.put(f"{BODY}\n") == "unchanged"
    assert desk.forge.writes() == []


# ---------------------------------------------------------------- what gets lost


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("status", [0, 500, 502, 503, 504])
def test_a_lost_answer_makes_no_second_comment(desk: Desk, status: int, after: bool) -> None:
    desk.forge.script["POST"] = [Answer(status, "<html>Unicorn!</html>", after=after) for _ in range(1 if after else 3)]
    assert desk.put() == "made"
    assert desk.ours == [BODY]


def test_a_server_that_is_down_is_given_up(desk: Desk) -> None:
    desk.forge.script["POST"] = [Answer(0) for _ in range(50)]
    with pytest.raises(UnavailableError, match="no answer from"):
        desk.put()
    assert len(desk.forge.writes()) == 10
    assert desk.ours == []


LIMITS: list[tuple[int, Any, dict[str, str], float, float]] = [
    (429, {"message": "slow down"}, {"Retry-After": "7"}, 7, 7),
    (429, "Retry later\n", {"RateLimit-Remaining": "0", "RateLimit-Reset": "+20"}, 15, 20),
    (403, {"message": "limit"}, {"Retry-After": "7"}, 7, 7),
    (403, {"message": "API rate limit"}, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "+20"}, 15, 20),
    (403, {"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}, {}, 60, 60),
    (429, {"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}, {}, 60, 60),
    (503, "", {"Retry-After": "date+30"}, 25, 30),
]


@pytest.mark.parametrize(("status", "said", "headers", "least", "most"), LIMITS, ids=str)
def test_a_limit_is_waited_for_as_it_asks_and_is_no_missing_right(
    desk: Desk, status: int, said: Any, headers: dict[str, str], least: float, most: float
) -> None:
    """A 403 that is a limit, taken for a missing right, would make a second comment beside the first."""
    now = time.time()
    told = {
        name: formatdate(now + 30, usegmt=True) if value == "date+30" else value.replace("+20", str(int(now) + 20))
        for name, value in headers.items()
    }
    desk.forge.say(BODY, desk.forge.me)
    desk.forge.script[desk.edit] = [Answer(status, said, told)]
    assert desk.put(f"{BODY} 2") == "updated"
    assert desk.ours == [f"{BODY} 2"]
    (slept,) = desk.slept
    assert least <= slept <= most


def test_a_limit_of_an_hour_is_told_at_once(desk: Desk) -> None:
    desk.forge.say(BODY, desk.forge.me)
    desk.forge.script[desk.edit] = [Answer(403, {"message": "wait"}, {"Retry-After": "3600"})]
    with pytest.raises(UnavailableError, match="wait"):
        desk.put(f"{BODY} 2")
    assert desk.slept == []
    assert desk.ours == [BODY]


# ---------------------------------------------------------------- who answers, and what

REFUSALS: list[tuple[int, Any, type[ApiError], str]] = [
    (401, {"message": "401 Unauthorized"}, CredentialsError, "does not accept the token"),
    (403, {"message": "Resource not accessible by integration"}, ForbiddenError, "not accessible by integration"),
    (403, {"error": "insufficient_scope", "error_description": "needs higher privileges"}, ForbiddenError, "scope"),
    (404, {"message": "404 Project Not Found"}, NotFoundError, "Project Not Found"),
    (410, {"message": "This issue was deleted"}, RejectedError, "was deleted"),
    (422, {"message": "Validation Failed"}, RejectedError, "Validation Failed"),
    (400, {"message": {"note": ["is too long (maximum is 1000000 characters)"]}}, RejectedError, "too long"),
]


@pytest.mark.parametrize(("status", "said", "kind", "words"), REFUSALS, ids=str)
def test_a_no_is_told_in_the_forges_words_and_asked_once(
    desk: Desk, status: int, said: Any, kind: type[ApiError], words: str
) -> None:
    desk.forge.script["POST"] = [Answer(status, said)]
    with pytest.raises(kind, match=words):
        desk.put()
    assert len(desk.forge.writes()) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST", "EDIT"])
def test_no_redirect_takes_the_token_along(desk: Desk, method: str, status: int) -> None:
    taken = Strict(desk.forge.kind)
    if method == "EDIT":
        desk.forge.say(BODY, desk.forge.me)
    with serving(taken) as url:
        answer = Answer(status, "", {"Location": f"{url}{taken.base}/user"})
        desk.forge.script[desk.edit if method == "EDIT" else method] = [answer]
        with pytest.raises(RejectedError, match="redirects are not followed"):
            desk.put(f"{BODY} 2")
    assert taken.log == []


JUNK: list[Any] = ["", "<html>sign in</html>", "{", {}, [1], [{"id": "x"}], [{"body": "no id"}], "[" * 5000, [None]]


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: str(junk)[:20])
@pytest.mark.parametrize("method", ["GET", "POST", "EDIT"])
def test_what_is_no_answer_of_a_forge_is_never_taken_for_one(desk: Desk, method: str, junk: Any) -> None:
    """A proxy that asks to sign in says 200."""
    if method == "EDIT":
        desk.forge.say(BODY, desk.forge.me)
    desk.forge.script[desk.edit if method == "EDIT" else method] = [Answer(200, junk)]
    with pytest.raises(UnreadableError, match="does not answer as the API"):
        desk.put(f"{BODY} 2")


@pytest.mark.parametrize("form", ["plain", "escaped"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 501])
def test_a_token_that_the_server_repeats_is_not_shown(desk: Desk, status: int, form: str) -> None:
    token = desk.env.get("GITHUB_TOKEN") or desk.env["GITLAB_TOKEN"]
    written = token if form == "plain" else "".join(f"\\u{ord(each):04x}" for each in token)
    desk.forge.script["POST"] = [Answer(status, f'{{"message": "who is {written}?"}}')]
    with pytest.raises(ApiError) as caught:
        desk.put()
    assert token not in f"{caught.value} {caught.value.hint} {caught.value!r}"
    assert "who is ***?" in str(caught.value)


def test_the_token_goes_in_one_header_to_one_host(desk: Desk) -> None:
    token = desk.env.get("GITHUB_TOKEN") or desk.env["GITLAB_TOKEN"]
    for number in range(150):
        desk.forge.say(f"{number}", EVE)
    desk.put()
    desk.put(f"{BODY} 2")
    assert all(token not in line for line in desk.forge.log)
    for headers in desk.forge.seen:
        assert sum(token in value for value in headers.values()) == 1
        assert headers["host"].startswith("127.0.0.1:")
    assert token not in repr(forge_of(None, desk.env))


def test_no_proxy_sees_what_stays_on_this_machine(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Strict(desk.forge.kind)
    with serving(proxy) as url:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, url)
        assert desk.put() == "made"
    assert proxy.log == []


# ---------------------------------------------------------------- what the environment says

EVENTS: list[tuple[dict[str, Any], str, str | None]] = [
    ({"pull_request": {"number": 5}}, "refs/heads/main", "5"),  # pull_request_target
    ({"issue": {"number": 5, "pull_request": {"url": "x"}}}, "refs/heads/main", "5"),  # issue_comment
    ({"issue": {"number": 5}}, "refs/heads/main", None),
    ({"merge_group": {"head_sha": "c0ffee"}}, "refs/heads/gh-readonly-queue/main/pr-5-c0ffee", None),
    ({"workflow_run": {"pull_requests": []}}, "refs/heads/main", None),
    ({"commits": []}, "refs/heads/refs/pull/5/merge", None),  # a branch with such a name
    ({}, "refs/tags/refs/pull/5/merge", None),
    ({"pull_request": {"number": True}}, "", None),
    ({"pull_request": {"number": "../../user"}}, "", None),
    ({"pull_request": {"number": -5}}, "", None),
    ({"pull_request": 5}, "refs/pull/6/merge", "6"),
    ({}, "refs/pull/0/merge", None),
    ({}, "refs/pull/5/merge\n", None),
    ({}, "refs/pull/\u0665/merge", None),
]


@pytest.mark.parametrize(("event", "ref", "number"), EVENTS, ids=str)
def test_the_pull_request_is_the_events_or_none(
    tmp_path: Path, event: dict[str, Any], ref: str, number: str | None
) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event))
    env = {**env_of("github", "http://127.0.0.1:1"), "GITHUB_EVENT_PATH": str(path), "GITHUB_REF": ref}
    if number is None:
        with pytest.raises(UsageError, match="no pull request"):
            forge_of(None, env)
    else:
        assert forge_of(None, env).comments == f"/repos/corp/crm/issues/{number}/comments"


@pytest.mark.parametrize("text", ["", "[]", "null", "5", "{", "\xff", '{"pull_request": [' + "[" * 50_000])
def test_an_event_that_can_not_be_read_names_no_pull_request(tmp_path: Path, text: str) -> None:
    path = tmp_path / "event.json"
    path.write_bytes(text.encode("latin-1"))
    env = {**env_of("github", "http://127.0.0.1:1"), "GITHUB_REF": "refs/heads/main"}
    for given in (str(path), str(tmp_path), str(tmp_path / "none"), "\0"):
        with pytest.raises(UsageError, match="no pull request"):
            forge_of(None, {**env, "GITHUB_EVENT_PATH": given})


ADDRESSES: list[tuple[str, str | None]] = [
    ("https://GHE.Corp.Example/API/v3/", "https://ghe.corp.example/API/v3"),
    ("HTTPS://api.github.com", "https://api.github.com"),
    ("https://ghe.corp.example:8443/a/b/api/v3", "https://ghe.corp.example:8443/a/b/api/v3"),
    ("http://[::1]:80/api/v3", "http://[::1]/api/v3"),
    ("http://localhost.corp.example", None),
    ("http://127.0.0.1.nip.example", None),
    ("http://0.0.0.0", None),
    ("http://10.0.0.1", None),
    ("ftp://ghe.corp.example", None),
    ("file:///etc/passwd", None),
    ("//ghe.corp.example", None),
    ("ghe.corp.example", None),
    ("https://", None),
    ("https://me@ghe.corp.example", None),
    ("https://ghe.corp.example?x=1", None),
    ("https://ghe.corp.example#x", None),
    ("https://ghe.corp.example:99999", None),
    ("https://ghe.corp.example\nX: y", None),
    ("", None),
]


@pytest.mark.parametrize("name", ["GITHUB_API_URL", "CI_API_V4_URL"])
@pytest.mark.parametrize(("url", "base"), ADDRESSES)
def test_the_token_goes_nowhere_that_is_not_safe(name: str, url: str, base: str | None) -> None:
    env = {**env_of("github" if name.startswith("GITHUB") else "gitlab", ""), name: url}
    if base is None:
        with pytest.raises(LfsyncError, match=name):
            forge_of(None, env)
    else:
        assert forge_of(None, env).base == base


def test_a_request_from_a_fork_is_commented_where_it_is_made() -> None:
    """The pipeline runs in the fork; the merge request is the other project's."""
    env = {**env_of("gitlab", "http://127.0.0.1:1"), "CI_PROJECT_ID": "77", "CI_MERGE_REQUEST_PROJECT_ID": "12"}
    assert forge_of(None, env).comments == "/projects/12/merge_requests/5/notes"


def test_a_pipeline_of_a_branch_is_for_no_merge_request() -> None:
    env = env_of("gitlab", "http://127.0.0.1:1")
    del env["CI_MERGE_REQUEST_IID"]
    with pytest.raises(UsageError, match="no merge request") as caught:
        forge_of(None, {**env, "CI_OPEN_MERGE_REQUESTS": "corp/crm!5"})
    assert "merge_request_event" in (caught.value.hint or "")


@pytest.mark.parametrize("kind", ["github", "gitlab"])
@pytest.mark.parametrize("token", ["", " ", "a b", "a\r\nX: y", "ключ", "\x7f"])
def test_what_is_no_token_is_told_and_not_repeated(kind: Kind, token: str) -> None:
    name = "GITHUB_TOKEN" if kind == "github" else "GITLAB_TOKEN"
    with pytest.raises(CredentialsError) as caught:
        forge_of(None, {**env_of(kind, "http://127.0.0.1:1"), name: token})
    assert len(token) < 3 or token not in f"{caught.value} {caught.value.hint}"
