"""Files that are plainly another program's, keys of the user's own, and files that something names (design 3; C1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from lfsync.model import Address
from tests.config.config_samples import load, problems

OURS = "accounts: {a: {fields: {$name: A}}}\n"
COMPOSE = "version: '3'\nservices:\n  db: {image: postgres}\nvolumes: {}\n"


@pytest.mark.parametrize(
    "text",
    [
        COMPOSE,
        "apiVersion: v1\nkind: Service\n---\napiVersion: v1\nkind: Pod\n",
        "Resources:\n  Topic: !Ref Other\n",
        "image: {{ .Values.image }}\nreplicas: {{ .Values.n }}: 3\n",
        "- hosts: all\n  roles: [web]\n",
        "just text\n",
        "resources: [a.yaml]\nkind: Kustomization\n",
        "theme: a\ntheme: b\n",
    ],
)
def test_another_programs_file_is_a_warning_that_names_exclude(tmp_path: Path, text: str) -> None:
    project = load(tmp_path, {"crm.yaml": OURS, "docker-compose.yml": text})
    assert not project.problems
    [warning] = project.warnings
    assert warning.startswith("docker-compose.yml: no resource file")
    assert "`exclude` of lfsync.yaml" in warning


def test_many_of_them_are_one_warning(tmp_path: Path) -> None:
    others = {f"k8s/{name}.yaml": COMPOSE for name in "abcde"}
    [warning] = load(tmp_path, {"crm.yaml": OURS, **others}).warnings
    assert warning.startswith("k8s/a.yaml, k8s/b.yaml, k8s/c.yaml and 2 more: no resource files")


@pytest.mark.parametrize(
    "text",
    [
        "acounts: {}\n",  # a slip of the pen must not take its resources out of sight, and under the pruning shears
        "account: {}\n",
        "Opportunity: {}\n",
        "taks: {}\nservices: {}\n",
        "accounts: {}\nservices: {}\n",
        "- accounts: {}\n",
        "accounts:\n\tb: {}\n",
        "a: &a [x]\n"
        + "".join(f"{c}: &{c} [{', '.join([f'*{p}'] * 30)}]\n" for p, c in zip("abcde", "bcdef", strict=True)),
        "a: " + "[" * 2000,
    ],
)
def test_what_may_be_ours_is_an_error(tmp_path: Path, text: str) -> None:
    found = problems(tmp_path, {"crm.yaml": OURS, "other.yaml": text})
    assert found
    assert all(problem.startswith("other.yaml:") for problem in found)


def test_keys_that_begin_with_x_are_the_users_own(tmp_path: Path) -> None:
    own = "x-owner: &owner {$owner: kai@corp.example}\nx-notes: 3\n"
    body = "accounts: {a: {fields: {$name: A}, relationships: *owner}}\n"
    project = load(tmp_path, {"crm.yaml": own + body, "anchors.yaml": own})
    assert (project.problems, project.warnings) == ((), ())
    assert list(project.resources[Address("account", "a")].relationships) == ["$owner"]


def test_what_the_settings_name_is_no_resource_file(tmp_path: Path) -> None:  # rule C1
    settings = (
        "version: 1\nworkspaces:\n  a: {sandbox: {seed: seeds/a.yaml, db: seeds/a.db.yaml}}\n"
        "  b: {state: states/b.yaml}\n"
    )
    named = {"seeds/a.yaml": "records: {}\n", "seeds/a.db.yaml": "\x00SQLite", "states/b.yaml": '{"version": 1}\n'}
    project = load(tmp_path, {"lfsync.yaml": settings, "crm.yaml": OURS, **named})
    assert (project.problems, project.warnings) == ((), ())


def test_a_text_that_a_resource_names_is_no_resource_file(tmp_path: Path) -> None:  # rule C1
    text = "notes: {n: {fields: {$title: N, $content: {file: sample.yaml}}}}\n"
    project = load(tmp_path, {"crm.yaml": text, "sample.yaml": OURS})
    assert (project.problems, project.warnings) == ((), ())
    assert list(project.resources) == [Address("note", "n")]


def test_what_is_no_resource_file_names_nothing(tmp_path: Path) -> None:  # rule C1
    settings = "version: 1\nworkspaces: {a: {sandbox: {seed: seed.yaml}}}\n"
    seed = "notes: {n: {fields: {$title: N, $content: {file: crm.yaml}}}}\n"
    project = load(tmp_path, {"lfsync.yaml": settings, "seed.yaml": seed, "crm.yaml": OURS})
    assert list(project.resources) == [Address("account", "a")]


def test_exclude_is_compared_in_nfc(tmp_path: Path) -> None:  # rule C18
    settings = "version: 1\nworkspaces: {a: {sandbox: {}}}\nexclude: [M\u00fcll/]\n"
    project = load(tmp_path, {"lfsync.yaml": settings, "crm.yaml": OURS, "Mu\u0308ll/x.yaml": COMPOSE})
    assert project.warnings == ()
