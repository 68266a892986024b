"""An editor's YAML language server finds the mistakes and offers the keys and options of a workspace (design 14).

Skips where there is no node or no `yaml-language-server` (npm), on the PATH or named by LFSYNC_YAML_LANGUAGE_SERVER.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from lfsync.cli import run
from tests.mistakes import GOOD, ROWS, SEED, SETTINGS

SERVER = os.environ.get("LFSYNC_YAML_LANGUAGE_SERVER") or shutil.which("yaml-language-server")
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(not (SERVER and NODE), reason="needs node and yaml-language-server (npm)")

MODELINE = "# yaml-language-server: $schema={}.lfsync/schemas/sandbox/{}.json\n"
TYPOS = """\
accounts:
  acme:
    fields:
      $webste: acme.example
      teir: Gold
      tier: Glod
      score: seven
      renewal: 2027-02-30
      billing: "@"
      hotline: 4943112345
      $primaryAddress: {latitude: 91}
    relationships:
      $owner: kim@corp.example
    lifecycle: {protected: true}
    match: [$nam]
"""


class Editor:
    """What an editor asks of the server, over its standard streams."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.numbers = count(1)
        self.settings: dict[str, Any] = {}
        root = {"rootUri": folder.as_uri(), "workspaceFolders": [{"uri": folder.as_uri(), "name": "project"}]}
        self.request("initialize", {"processId": None, "capabilities": {}, **root})
        self.notify("initialized", {})
        self.configure({})

    def configure(self, schemas: dict[str, Any]) -> None:
        """Which files have which schema, as the setting `yaml.schemas` says it."""
        nowhere = {"schemaStore": {"enable": False}, "kubernetesCRDStore": {"enable": False}}  # nothing is downloaded
        self.settings = {"validate": True, "completion": True, "schemas": schemas, **nowhere}
        self.notify("workspace/didChangeConfiguration", {"settings": {}})

    def send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        length = 0
        while line := self.process.stdout.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        assert length, "the server is gone"
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        if message.get("method") == "workspace/configuration":
            asked = [item.get("section") for item in message["params"]["items"]]
            self.send({"id": message["id"], "result": [self.settings if each == "yaml" else None for each in asked]})
        elif "method" in message and "id" in message:  # it asks, and an editor that knows nothing says so
            self.send({"id": message["id"], "result": None})
        return message

    def notify(self, method: str, params: dict[str, Any]) -> None:
        self.send({"method": method, "params": params})

    def request(self, method: str, params: dict[str, Any]) -> Any:
        number = next(self.numbers)
        self.send({"id": number, "method": method, "params": params})
        while True:
            message = self.receive()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message
                return message["result"]

    def problems(self, name: str, text: str) -> list[str]:
        """What it says of a file that was not open yet, as `line: message`."""
        uri = (self.folder / name).as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        while True:
            message = self.receive()
            if message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == uri:
                found = message["params"]["diagnostics"]
                return [f"{each['range']['start']['line']}: {each['message']}" for each in found]

    def offers(self, name: str, text: str) -> dict[str, dict[str, Any]]:
        """What it offers at the `|` of a text, by label."""
        before, _, after = text.partition("|")
        self.problems(name, before + after)
        line = before.count("\n")
        place = {"line": line, "character": len(before) - (before.rfind("\n") + 1)}
        asked = {"textDocument": {"uri": (self.folder / name).as_uri()}, "position": place}
        found = self.request("textDocument/completion", asked)
        return {each["label"]: each for each in (found if isinstance(found, list) else found["items"])}


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    folder = tmp_path_factory.mktemp("project")
    for name, text in {"lfsync.yaml": SETTINGS, "seed.yaml": SEED, "rows.csv": ROWS, "about.md": "Hello\n"}.items():
        (folder / name).write_text(text, "utf-8")
    assert run(["-C", str(folder), "definitions", "--save"]) == 0
    command = [str(SERVER), "--stdio"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            yield Editor(process, folder)
        finally:
            process.kill()


def test_what_is_right_is_right_in_an_editor(editor: Editor) -> None:
    """But for what YAML readers take for a number: a telephone number wants quotes there."""
    text = MODELINE.format("", "resources") + GOOD.replace("+4943112345", '"+4943112345"')
    assert editor.problems("crm.yaml", text) == []
    assert editor.problems("lfsync.yaml", MODELINE.format("", "lfsync") + SETTINGS) == []


def test_every_mistake_is_marked_at_its_line(editor: Editor) -> None:
    found = editor.problems("crm/typos.yaml", MODELINE.format("../", "resources") + TYPOS)
    lines = {int(each.partition(":")[0]) for each in found}
    wrong = {number for number, line in enumerate(TYPOS.splitlines(), 1) if number > 3 and not line.endswith("ships:")}
    assert lines == wrong, found


def test_the_options_of_a_select_are_offered(editor: Editor) -> None:
    text = "accounts:\n  acme:\n    fields:\n      tier: |\n"
    offered = editor.offers("tier.yaml", MODELINE.format("", "resources") + text)
    assert {"Gold", "Silver", "Süd-West"} <= offered.keys()
    assert not any(label.startswith("opt_") for label in offered)
    assert "All" in str(offered["Gold"].get("documentation"))


def test_custom_fields_are_offered_with_what_they_are(editor: Editor) -> None:
    text = "accounts:\n  acme:\n    fields:\n      $name: A\n      |\n"
    offered = editor.offers("keys.yaml", MODELINE.format("", "resources") + text)
    assert {"tier", "renewal", "$website"} <= offered.keys()
    assert "health" not in offered
    told = str(offered["tier"].get("documentation"))
    for part in ("Tier", "SELECT", "What they pay for"):
        assert part in told


def test_members_are_offered(editor: Editor) -> None:
    text = "accounts:\n  acme:\n    relationships:\n      $owner: |\n"
    offered = editor.offers("owner.yaml", MODELINE.format("", "resources") + text)
    assert {"kai@corp.example", "mia@corp.example"} <= offered.keys()


@pytest.mark.parametrize("page", ["README.md", "docs/editors.md"])
def test_the_settings_that_need_no_first_line(page: str, editor: Editor) -> None:
    text = (Path(__file__).parents[2] / page).read_text("utf-8")
    (block,) = re.findall(r"^(?:```jsonc\n(.*?)^```|`(\{.*\})`)$", text, re.MULTILINE | re.DOTALL)
    editor.configure(json.loads("".join(block).replace("/prod/", "/sandbox/"))["yaml.schemas"])
    folder = Path(page).stem  # each as if it were the project's own: a pattern holds at any depth
    assert editor.problems(f"{folder}/deep/down/here.yaml", TYPOS)
    assert editor.problems(f"{folder}/right/lfsync.yaml", SETTINGS) == []
    assert editor.problems(f"{folder}/wrong/lfsync.yaml", f"{SETTINGS}saftey: {{}}\n")
    assert editor.problems(f"{folder}/sandbox/workspace.yaml", SEED) == []
    editor.configure({})
