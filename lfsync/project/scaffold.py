"""`lfsync init`: a new project that plans at once, against its own sandbox. I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from lfsync.errors import UsageError
from lfsync.project.file_schemas import resources_schema, schema_text, settings_schema
from lfsync.project.merge_driver import ATTRIBUTE, COMMAND, set_driver

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
  {name}: {where}

safety: {{max_updates: 30%, max_deletes: 10%, floor: 10}}
"""

_IGNORED: Final = ("*.plan.json", ".env")
_IGNORE_NOTE: Final = "# Saved plans hold personal data. What to keep of .lfsync/ is told by its own .gitignore."
_MERGE_NOTE: Final = f"# States are merged by address. Each clone sets the driver once: {COMMAND}"

_FILES: Final = {"lfsync.yaml": _SETTINGS, "crm.yaml": _RESOURCES, "sandbox/workspace.yaml": _SEED}


def init_live(root: Path, name: str, base_url: str | None) -> list[str]:
    """Write a project for a workspace that is in use, without resources. Errors as `init`."""
    where = f"{{base_url: {base_url}}}" if base_url else "{}   # the key: LIGHTFIELD_API_KEY"
    return _write(root, {"lfsync.yaml": _LIVE.format(name=name, where=where)})


def init(root: Path) -> list[str]:
    """Write a project into `root`, which is made if it is missing. Returns the files written or added to.

    In a git repository, states are merged by address from now on (rule M2). The schemas for editors say what holds in
    every workspace; `definitions --save` puts those of this one in their place.

    Raises UsageError, with nothing written, if one of the files is there already.
    """
    written = _write(root, _FILES)
    schemas = {"resources": resources_schema(), "lfsync": settings_schema()}
    kept = {f".lfsync/schemas/sandbox/{name}.json": schema_text(schema) for name, schema in schemas.items()}
    return written + [name for name, text in kept.items() if _made(root, name, text)]


def _write(root: Path, files: Mapping[str, str]) -> list[str]:
    taken = [name for name in files if (root / name).exists() or (root / name).is_symlink()]
    if taken:
        hint = "take another folder with -C, or remove the files"
        raise UsageError(f"{', '.join(taken)} {'is' if len(taken) == 1 else 'are'} there already", hint=hint)
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


def _made(root: Path, name: str, text: str) -> bool:
    """Whether a file was missing, and is there now: what is there may know more. None outside of it (rule C17)."""
    path = root / name
    if path.exists() or not path.resolve().is_relative_to(root.resolve()):
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"{error.filename} can't be written: {error.strerror}") from None
    return True


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
