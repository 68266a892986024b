"""The adversary is sharp: faults put in on purpose are noticed.

Each is put into a copy of the package, by names that other tests and the command line need as well. It counts as
noticed where a sequence that the code as it is passes breaks a promise in the copy.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest

from tests.adversary.forge import PACKAGE, Forge, forge
from tests.adversary.play import play
from tests.adversary.shrink import sort_of
from tests.adversary.stage import Stage
from tests.adversary.test_adversary import CHOICES
from tests.adversary.world import Data, Maker
from tests.effort import size


class Mutation(NamedTuple):
    """A fault. `more` is appended to a module, or what `pattern` finds becomes it; `prone` tells where it may show."""

    name: str
    file: str
    more: str
    prone: Callable[[Data], bool]
    pattern: str = ""
    weather: Mapping[str, float] = MappingProxyType({})


def _any(case: Data) -> bool:
    return True


def _does(**wanted: object) -> Callable[[Data], bool]:
    """A case with a step that has all of these."""

    def fits(case: Data) -> bool:
        return any(all(step.get(key) == value for key, value in wanted.items()) for step in case["steps"])

    return fits


def _acts_after_the_plan(case: Data) -> bool:
    asked = [step.get("between") or () for step in case["steps"] if step.get("how") == "ask"]
    return any(act["act"] == "press" for acts in asked for act in acts)


def _creates_in_bad_weather(case: Data) -> bool:
    return len(case["files"]) > 8 and case["steps"][0].get("how") == "yes" and not case["filler"]


def _renamed_and_let_go(case: Data) -> bool:
    """A record is renamed, and the state that knows it is lost; then comes an apply."""
    lost = [number for number, step in enumerate(case["steps"]) if step["do"] == "state" and step.get("acts")]
    return any(step.get("op") == "lose-both" for step in (case["steps"][number] for number in lost))


def _sees_metadata_alone(case: Data) -> bool:
    """Somebody who is no admin applies, a meeting is private, and the files move on."""
    asks = any(step["do"] == "apply" and step.get("key") == "member" for step in case["steps"])
    edits = sum(step["do"] == "edit" for step in case["steps"])
    return asks and edits > 1 and "'$privacySetting': 'METADATA'" in str(case)


def _uploaded_before(case: Data) -> bool:
    """A file that is declared is there, or was uploaded under a state that is lost."""
    contents = [body.get("content") for body in case["files"].values()]
    there = any(file["content"] in contents and not file.get("app") for file in case["uploaded"])
    return there or (any(contents) and any(step.get("op") == "lose-both" for step in case["steps"]))


MUTATIONS = (
    Mutation(
        "records are read once",
        "lfsync/api/client.py",
        """
_sound_retrieve, _cache = Client.retrieve, {}
async def _retrieve(self, kind, id):
    if id not in _cache:
        _cache[id] = await _sound_retrieve(self, kind, id)
    return _cache[id]
Client.retrieve = _retrieve
""",
        _acts_after_the_plan,
    ),
    Mutation(
        "no write has a key",
        "lfsync/api/wire.py",
        '"X-Nothing"',
        _creates_in_bad_weather,
        '"Idempotency-Key"',
        {"faults": 0.2, "lag": 0},
    ),
    Mutation(
        "a list is its first page",
        "lfsync/api/client.py",
        """
_sound_page = Client._page
async def _page(self, shelf, offset):
    page = await _sound_page(self, shelf, offset)
    return Page(page.records, len(page.records))
Client._page = _page
""",
        lambda case: bool(case["filler"]),
    ),
    Mutation(
        "updates write a field more",
        "lfsync/api/client.py",
        """
_sound_update = Client.update
async def _update(self, kind, id, body, key):
    more = {"nickname": "more"} if kind.name == "account" else {}
    return await _sound_update(self, kind, id, {**body, "fields": {**more, **body.get("fields", {})}}, key)
Client.update = _update
""",
        _any,
    ),
    Mutation(
        "every apply prunes", "lfsync/cli/writes.py", "prune=True", _does(do="edit", op="remove"), r"\bprune=prune\b"
    ),
    Mutation(
        "every apply restores",
        "lfsync/cli/writes.py",
        "recreate_missing=True",
        lambda case: "'act': 'trash'" in str(case),
        r"\brecreate_missing=recreate_missing\b",
    ),
    Mutation("nobody is asked", "lfsync/cli/writes.py", "Manner(True,", _does(how="no"), r"\bManner\(yes,"),
    Mutation(
        "what was left out is no failure",
        "lfsync/cli/boundary.py",
        """
_sound_run = run
def run(arguments=None):
    code = _sound_run(arguments)
    return 0 if code == 3 else code
""",
        _acts_after_the_plan,
    ),
    Mutation(
        "an old answer is taken for a new one",
        "lfsync/api/server_clock.py",
        "\nServerClock.age = lambda self, created_at, moment: None\n",
        _renamed_and_let_go,
    ),
    Mutation(
        "what is hidden of a meeting is taken for nothing",
        "lfsync/api/answers.py",
        "redacted=False",
        _sees_metadata_alone,
        r'redacted=row\.get\("accessLevel"\) == "METADATA"',
    ),
    Mutation(
        "no content is looked for",
        "lfsync/planning/uploads.py",
        "\ndef alike(records, upload):\n    return []\n",
        _uploaded_before,
    ),
)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_fault_put_in_on_purpose_is_noticed(mutation: Mutation, smithy: Forge, ground: Stage, tmp_path: Path) -> None:
    with forge(_mutated(mutation, tmp_path)) as broken:
        for case in _prone(mutation):
            faults = play(case, broken, ground).faults
            if faults and sort_of(faults[0]) not in map(sort_of, play(case, smithy, ground).faults):
                return
    pytest.fail(f"nobody noticed: {mutation.name}")


def _mutated(mutation: Mutation, folder: Path) -> Path:
    """A copy of the package with the fault in it."""
    package = PACKAGE / "lfsync"
    shutil.copytree(package, folder / "lfsync", ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / mutation.file
    text = path.read_text(encoding="utf-8")
    changed = re.sub(mutation.pattern, mutation.more, text) if mutation.pattern else text + mutation.more
    assert changed != text, f"{mutation.name}: nothing in {mutation.file} fits {mutation.pattern}"
    path.write_text(changed, encoding="utf-8")
    return folder


def _prone(mutation: Mutation) -> Iterator[Data]:
    """Sequences in which the fault has a chance to show."""
    found = 0
    for number in range(100_000):
        case = Maker(number, CHOICES).case()
        if mutation.prone(case):
            yield {**case, "weather": {**case["weather"], **mutation.weather}}
            found += 1
        if found == size(30, 100):
            return
