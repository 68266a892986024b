"""`lfsync init`: a new project that plans at once, against its own sandbox. I/O."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from lfsync.errors import UsageError
from lfsync.project.folder import SETTINGS
from lfsync.project.merge_driver import ATTRIBUTE, COMMAND, set_driver

SANDBOX: Final = "sandbox"  # the workspace of a new project

_SETTINGS: Final = """\
# yaml-language-server: $schema=.lfsync/schemas/sandbox/lfsync.json
# The settings of this project. `lfsync schema` prints all keys; a key to the API never stands in a file.
version: 1
default_workspace: sandbox

workspaces:
  sandbox:
    sandbox: {seed: sandbox/workspace.yaml}   # the API's emulator, in process: no network, no key
  prod:
    api_key_env: LIGHTFIELD_API_KEY           # the environment variable that holds the key

safety: {max_updates: 30%, max_deletes: 10%, floor: 10}
enrichment: auto                              # for 50 or more new accounts and contacts, skip it
"""

_RESOURCES: Final = """\
# yaml-language-server: $schema=.lfsync/schemas/sandbox/resources.json
# What the workspace should hold. Only what is named here is managed; every *.yaml file of the project is read.
accounts:
  acme:
    fields:
      $name: Acme Solar
      $website: [https://acme-solar.example]
      tier: Gold                              # a custom field; a select takes the option's label
    relationships:
      $owner: kai@corp.example                # a member, by e-mail

contacts:
  ada:
    fields:
      $name: {firstName: Ada, lastName: Lind}
      $email: [ada@acme-solar.example]
    relationships:
      $account: [acme]                        # a resource of this project, by its key

tasks:
  acme-pricing:
    fields: {$title: Review pricing, $status: TODO}
    relationships: {$account: acme, $assignedTo: kai@corp.example}

lists:
  q4-targets:
    fields: {$name: Q4 targets, $objectType: $account}
    members: [acme]
"""

_SEED: Final = """\
# What the sandbox holds before lfsync comes. `lfsync sandbox reset` brings it back to this.
members:
  - {ref: kai, email: kai@corp.example, first: Kai, last: Berg, role: admin}
definitions:
  account:
    fields:
      tier: {type: SINGLE_SELECT, label: Tier, options: [Gold, Silver]}
records:
  accounts:
    - {fields: {$name: Acme Solar}}           # found by its name, and taken under management
"""

_LIVE: Final = """\
# The settings of this project. `lfsync schema` prints all keys; a key to the API never stands in a file.
version: 1
default_workspace: {name}

workspaces:
  {name}:
{where}    api_key_env: LIGHTFIELD_API_KEY           # the environment variable that holds the key

safety: {{max_updates: 30%, max_deletes: 10%, floor: 10}}
enrichment: auto                              # for 50 or more new accounts and contacts, skip it
"""

_IGNORED: Final = ("*.plan.json", ".env")
_IGNORE_NOTE: Final = "# Saved plans hold personal data. What to keep of .lfsync/ is told by its own .gitignore."
_MERGE_NOTE: Final = f"# States are merged by address. Each clone sets the driver once: {COMMAND}"

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*|https?://[A-Za-z0-9./:_-]+[A-Za-z0-9/_-]")

_FILES: Final = {SETTINGS: _SETTINGS, "crm.yaml": _RESOURCES, "sandbox/workspace.yaml": _SEED}


def refuse_taken(root: Path, files: Iterable[str] = (SETTINGS,)) -> None:
    """UsageError if one of the files is there already."""
    taken = [name for name in files if os.path.lexists(root / name)]
    if taken:
        hint = "take another folder with -C, or remove the files"
        raise UsageError(f"{', '.join(taken)} {'is' if len(taken) == 1 else 'are'} there already", hint=hint)


def init_live(root: Path, name: str, base_url: str | None, modeline: str = "") -> list[str]:
    """Write a project for a workspace that is in use, without resources. `base_url` None: the default. As `init`."""
    where = f"    base_url: {_scalar(base_url)}\n" if base_url else ""
    return _write(root, {SETTINGS: modeline + _LIVE.format(name=_scalar(name), where=where)})


def _scalar(text: str) -> str:
    """Text as YAML, in quotes where it could be read as something else."""
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in ("true", "false", "null")
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def init(root: Path) -> list[str]:
    """Write a project into `root`, which is made if it is missing. Returns the files written or added to.

    In a git repository, states are merged by address from now on (rule M2).

    Raises UsageError, with nothing written, if one of the files is there already.
    """
    return _write(root, _FILES)


def _write(root: Path, files: Mapping[str, str]) -> list[str]:
    refuse_taken(root, files)
    try:
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            with (root / name).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        written = [*files, *_add(root / ".gitignore", _IGNORED, _IGNORE_NOTE)]
        if set_driver(root):
            written += _add(root / ".gitattributes", (ATTRIBUTE,), _MERGE_NOTE)
        return written
    except OSError as error:
        raise UsageError(f"{error.filename} can't be written: {error.strerror}") from None


def _add(path: Path, lines: Iterable[str], note: str) -> list[str]:
    """Add lines to a file of git's; what it has already stays as it is."""
    old = path.read_bytes().decode("utf-8", "surrogateescape") if path.exists() else ""
    there = {line.strip() for line in old.splitlines()}
    missing = [line for line in lines if line not in there]
    if not missing:
        return []
    gap = "" if not old or old.endswith("\n") else "\n"
    text = old + gap + "\n".join([note, *missing]) + "\n"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return [path.name]
