"""Plays a case: files, people and runs of the real program, step by step, each run judged by the oracle."""

from __future__ import annotations

import copy
import json
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from lfsync.project.settings import SandboxSettings
from tests.adversary import files as project
from tests.adversary import menu
from tests.adversary.forge import KEY, PLAIN_KEY, Forge, Run, kill
from tests.adversary.menu import LINKS, NAMES, SECTIONS
from tests.adversary.oracle import Facts, Undone, faults
from tests.adversary.stage import SERVER, Moment, Request, Snapshot, Stage
from tests.adversary.uploads import FILES
from tests.adversary.world import Data

_FLAGS = {"prune": "--prune", "recreate": "--recreate-missing"}


@dataclass
class Machine:
    """One clone of the project: its folder, and the runs that its history holds.

    Its journal knows the uploads that killed runs were seen to have `opened` and `finished`.
    """

    folder: Path
    runs: list[Undone] = field(default_factory=list)
    opened: set[str] = field(default_factory=set)
    finished: set[str] = field(default_factory=set)

    @property
    def state_file(self) -> Path:
        return self.folder / ".lfsync" / "state" / "prod.jsonl"

    def lines(self) -> list[Data]:
        """The state's lines of bound addresses (design.md, section 4)."""
        if not self.state_file.exists():
            return []
        found = [json.loads(line) for line in _short(self.state_file.read_text()).splitlines()]
        return [line for line in found if "address" in line and "id" in line]

    def bound(self) -> dict[str, str]:
        return {line["address"]: line["id"] for line in self.lines()}


_SELECTS = (("account", "tier"), ("account", "tags"), ("opportunity", "$stage"), ("project", "phase"))


def _short(text: str) -> str:
    """What lfsync wrote, with the kinds of custom objects as they are called here."""
    return text.replace(f'"{menu.OBJECT}project', '"project')


def _long(argument: str) -> str:
    """An argument for lfsync, with its own names."""
    return f"{menu.OBJECT}{argument}" if argument.startswith("project.") else argument


class Played:
    """One case being played."""

    def __init__(self, case: Data, forge: Forge, stage: Stage, folder: Path) -> None:
        self.case = copy.deepcopy(case)
        self.forge = forge
        self.stage = stage
        self.files: dict[str, Data] = self.case["files"]
        self.machines = [Machine(folder / "a"), Machine(folder / "b")]
        self.code = 0
        self.pressing: list[tuple[str, str, str]] = []
        self.found: list[str] = []
        self.unsettled: set[str] = set()
        self.believed: dict[str, str] = {}
        self.story: list[str] = []
        self.tally: Counter[str] = Counter()
        self._open(folder)

    def _open(self, folder: Path) -> None:
        weather = self.case["weather"]
        seed = folder / "seed.yaml"
        made = project.seed(self.case)
        seed.write_text(json.dumps(made, ensure_ascii=False), encoding="utf-8")
        settings = SandboxSettings(
            rps=0,
            index_lag=weather["lag"],
            faults=weather["faults"],
            random_seed=self.case.get("number", 0),
            quirks=weather["quirks"],
        )
        self.stage.open(seed, settings, weather["ahead"])
        snapshot = self.stage.snapshot()
        found = (record for record in snapshot.records.values() if record.kind not in FILES)
        planted = sorted(found, key=lambda record: record.created)
        order = [r for section in made["records"].values() for r in section]
        refs = {r["ref"]: record.id for r, record in zip(order, planted, strict=True) if "ref" in r}
        self.refs = {f"live:{ref}": id for ref, id in refs.items()}
        self.members = self.stage.members()
        self.options = {(kind, key): self.stage.options(f"/v1/{SECTIONS[kind]}", key) for kind, key in _SELECTS}

    # ------------------------------------------------------------ steps

    def play(self) -> list[str]:
        """The promises broken, in the order they were noticed. Ends at the first run that broke one."""
        for number, step in enumerate([*self.case["steps"], {"do": "end"}]):
            getattr(self, f"do_{step['do']}")(step)
            if self.found:
                return [f"step {number} ({step['do']}): {fault}" for fault in self.found]
        return []

    def do_end(self, step: Data) -> None:
        """All comes to rest: the last apply, and the plan after it is empty."""
        self._settle()
        began = self.stage.tick
        self.do_apply({"do": "apply", "m": 0, "how": "yes", "large": True})
        if self.code or self.found:
            return
        ended = self.stage.tick
        self._settle()
        run = self._plan(self.machines[0], ["--detailed-exitcode"], {"do": "plan"})
        if run.code != 0 and not self.found and not self._rewritten(ended) and not self._hidden(began):
            self.found.append(f"the plan after an apply that ended with 0 is not empty ({run.code}): {run.text[:600]}")

    def _rewritten(self, since: int) -> bool:
        """Whether the server wrote texts anew since, which is drift where they are not in `ignore_changes`."""
        return any(touch.run == SERVER and touch.tick > since for touch in self.stage.touches)

    def _hidden(self, since: int) -> bool:
        """Whether the server made a meeting vanish since: no run can see what comes after its last look at it."""
        return any(t.run == SERVER and t.tick > since and t.effect.place[0] == "hidden" for t in self.stage.touches)

    def do_people(self, step: Data) -> None:
        self.acts(step["acts"])

    def do_clock(self, step: Data) -> None:
        self.stage.clock.ahead += step["jump"]
        self.unsettled.clear()

    def do_plan(self, step: Data) -> None:
        machine = self._machine(step)
        arguments = self._flags(step)
        self._plan(machine, arguments, step)

    def do_apply(self, step: Data) -> None:
        machine = self._machine(step)
        large = ["--allow-large"] if step.get("large") else []
        how, flags = step["how"], self._flags(step)
        if how == "no":
            self._run("no", machine, ["apply", *flags], step, answer="n")
            return
        shown: Data | None = None
        planned, planned_at = self.stage.snapshot(), self.stage.tick
        if how in ("saved", "ask"):
            shown = self._saved(machine, flags, step)
            if shown is None:
                return
        if how == "saved":
            tick = self.stage.tick
            self.acts(step.get("between", ()))
            arguments = ["apply", str(machine.folder.parent / "plan.json"), "--yes", *large]
            self._run("apply", machine, arguments, step, plan=shown, planned=planned, shown_at=tick)
        elif how == "ask":
            # It plans once more; what lags or fails may show otherwise by then, as does what anybody did meanwhile.
            shown = None if self.case["weather"]["lag"] or self.case["weather"]["faults"] else shown
            arguments = ["apply", *flags, *large]
            self._run("apply", machine, arguments, step, plan=shown, planned=planned, since=planned_at, answer="y")
        else:
            self._run("apply", machine, ["apply", "--yes", *flags, *large], step)

    def do_undo(self, step: Data) -> None:
        machine = self._machine(step)
        undone = machine.runs[-1] if machine.runs else None
        if undone:
            # Which writes of a killed run were answered is open; those that were not are on the next run's record.
            runs = machine.runs if not undone.whole else [run for run in machine.runs if not run.whole or run is undone]
            known = [request for run in runs for request in run.requests]
            undone = Undone(undone.requests, undone.whole, undone.began, undone.ended, known)
        self._run("undo", machine, ["undo", "--yes", "--allow-large"], step, undone=undone)

    def do_edit(self, step: Data) -> None:
        getattr(self, f"_edit_{step['op']}")(step)

    def do_state(self, step: Data) -> None:
        machine = self._machine(step)
        self.acts(step.get("acts", ()))
        if step["op"] == "rm":
            if step["address"] in machine.bound():
                self._run("state", machine, ["state", "rm", step["address"]], {})
            return
        if step["op"] != "lose-journal":
            machine.state_file.unlink(missing_ok=True)
        if step["op"] != "lose-state":
            shutil.rmtree(machine.folder / ".lfsync" / "journal", ignore_errors=True)
            machine.opened.clear()
            machine.finished.clear()
        self._nobody_knows()

    def do_git(self, step: Data) -> None:
        near, far = (self.machines[step[end]] for end in ("from", "to"))
        if near.state_file.exists():
            far.state_file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(near.state_file, far.state_file)
            self._nobody_knows()

    def _nobody_knows(self) -> None:
        """Whoever lost the state can't know what was changed within the lag; a create meets its own key (rule A2)."""
        if self.case["weather"]["lag"]:
            made = {t.effect.place[1] for t in self.stage.touches if t.effect.place[0] == "record"}
            made -= {id for id, record in self.stage.snapshot().records.items() if record.kind in FILES}
            self.unsettled |= {part for t in self.stage.touches for part in t.effect.place[1:]} - made
            self.unsettled |= {t.effect.place[1] for t in self.stage.touches if t.effect.old is not None} & made

    def _settle(self) -> None:
        self.stage.clock.ahead += 60 if self.case["weather"]["lag"] else 2  # a sync comes a second after a write
        self.unsettled.clear()

    # ------------------------------------------------------------ edits of the files

    def _edit_set(self, step: Data) -> None:
        if body := self.files.get(step["address"]):
            body["fields"][step["key"]] = step["value"]

    def _edit_drop(self, step: Data) -> None:
        if body := self.files.get(step["address"]):
            body["fields"].pop(step["key"], None)
            body.get("lifecycle", {}).pop("ignore_changes", None)
            if step["key"] in body.get("match", ()):
                body.pop("match")

    def _edit_remove(self, step: Data) -> None:
        self.files.pop(step["address"], None)

    def _edit_add(self, step: Data) -> None:
        self.files.setdefault(step["address"], copy.deepcopy(step["body"]))

    def _edit_rename(self, step: Data) -> None:
        kind, _, old = step["address"].partition(".")
        new = f"{kind}.{step['key']}"
        if step["address"] not in self.files or new in self.files:
            return
        self.files = {new if a == step["address"] else a: body for a, body in self.files.items()}
        for address, body in self.files.items():
            mine = address.partition(".")[0]
            for key, value in body.get("relationships", {}).items():
                if LINKS[mine][key].target == kind:
                    body["relationships"][key] = _renamed(value, old, step["key"])
            if "members" in body and str(body["fields"]["$objectType"]).removeprefix("$") == kind:
                body["members"] = _renamed(body["members"], old, step["key"])

    def _edit_members(self, step: Data) -> None:
        if body := self.files.get(step["address"]):
            body["members"] = step["members"]

    def _edit_life(self, step: Data) -> None:
        if body := self.files.get(step["address"]):
            body["lifecycle"] = step["lifecycle"]

    def _edit_link(self, step: Data) -> None:
        if body := self.files.get(step["address"]):
            body.setdefault("relationships", {})[step["key"]] = step["ref"]

    def _edit_content(self, step: Data) -> None:
        if body := self.files.get(step["address"]):
            body["content"] = step["content"]

    def _edit_path(self, step: Data) -> None:
        if body := self.files.get(step["address"]):
            body["path"] = step["path"]

    def _edit_swap(self, step: Data) -> None:
        one, other = self.files.get(step["address"]), self.files.get(step["with"])
        if one and other:
            one["content"], other["content"] = other["content"], one["content"]

    # ------------------------------------------------------------ people

    def acts(self, acts: Sequence[Data]) -> bool:
        """What people do, one after the other. Loses no request."""
        for act in acts:
            self._act(act)
        return False

    def _act(self, act: Data) -> None:
        before = len(self.stage.touches)
        getattr(self, f"_act_{act['act']}")(act)
        if self.case["weather"]["lag"]:
            self.unsettled |= {part for t in self.stage.touches[before:] for part in t.effect.place[1:]}

    def _id(self, who: str) -> str | None:
        return self.refs.get(who) or self.believed.get(who)

    def _path(self, id: str) -> str:
        return f"{menu.records_path(self.stage.snapshot().records[id].kind)}/{id}"

    def _act_set(self, act: Data) -> None:
        if id := self._id(act["who"]):
            self.stage.act("POST", self._path(id), {"fields": {act["key"]: act["value"]}})

    def _act_link(self, act: Data) -> None:
        id = self._id(act["who"])
        other = self.members.get(act["to"]) or self._id(act["to"])
        if id is None or other is None:
            return
        link = LINKS[self.stage.snapshot().records[id].kind][act["key"]]
        if link.many:
            change: Data = {"add" if act["on"] else "remove": [other]}
        else:
            change = {"replace": other if act["on"] else None}
        self.stage.act("POST", self._path(id), {"relationships": {act["key"]: change}})

    def _act_member(self, act: Data) -> None:
        id, other = self._id(act["who"]), self._id(act["to"])
        if id is None or other is None:
            return
        key = str(self.stage.snapshot().records[id].fields["$objectType"]).removeprefix("$") + "s"
        change = {"add" if act["on"] else "remove": [other]}
        self.stage.act("POST", self._path(id), {"relationships": {f"${key}": change}})

    def _act_upload(self, act: Data) -> None:
        """A person uploads what the files declare as well, or does not get to the end of it."""
        if body := self.files.get(act["like"]):
            self.stage.upload(body["path"], body["mimeType"], body["content"], whole=act["whole"])

    def _act_jump(self, act: Data) -> None:
        """Time passes: sessions of uploads end, and the index catches up."""
        self.stage.clock.ahead += act["by"]
        self.unsettled.clear()

    def _act_press(self, act: Data) -> None:
        """A person changes just what the last plan that was saved is about to change."""
        if self.pressing:
            id, kind, key = self.pressing[act["nth"] % len(self.pressing)]
            self.stage.act("POST", self._path(id), {"fields": {key: menu.FIELDS[kind][key].people[0]}})

    def _act_trash(self, act: Data) -> None:
        if id := self._id(act["who"]):
            self.stage.act("DELETE", self._path(id), {})

    def _act_restore(self, act: Data) -> None:
        id = self._id(act["who"])
        if id and self.stage.snapshot().records[id].kind != "list":
            self.stage.act("POST", f"{self._path(id)}/restore", {})

    def _act_merge(self, act: Data) -> None:
        id, into = self._id(act["who"]), self._id(act["into"])
        kinds = {self.stage.snapshot().records[i].kind for i in (id, into) if i}
        if id and into and id != into and kinds <= {"account", "contact", "opportunity", "project"} and len(kinds) == 1:
            self.stage.act("POST", f"/v1/{SECTIONS[kinds.pop()]}/merge", {"primaryId": into, "duplicateId": id})

    def _act_create(self, act: Data) -> None:
        """A person makes a record that the files declare as well."""
        body = self.files.get(act["like"])
        if body is None:
            return
        kind = act["like"].partition(".")[0]
        fields = {key: body["fields"][key] for key in (NAMES[kind], *menu.IDENTITY) if body["fields"].get(key)}
        links: Data = {}
        if kind == "task":
            fields["$status"], links["$assignedTo"] = "TODO", self.members[menu.PEOPLE[0]]
        account = body.get("relationships", {}).get("$account")
        for ref in account if isinstance(account, list) else [account]:
            if kind in ("opportunity", "task", "note") and isinstance(ref, str) and (id := self._id(f"account.{ref}")):
                links["$account"] = id
        self.stage.act("POST", menu.records_path(kind), {"fields": fields, "relationships": links})

    # ------------------------------------------------------------ runs

    def _machine(self, step: Data) -> Machine:
        return self.machines[step.get("m", 0)]

    def _flags(self, step: Data) -> list[str]:
        found = [flag for name, flag in _FLAGS.items() if step.get(name)]
        for address in step.get("only", ()):
            if address in project.clean(self.files):
                found += ["--only", address]
        return found

    def _plan(self, machine: Machine, flags: Sequence[str], step: Data) -> Run:
        return self._run("plan", machine, ["plan", *flags], {**step, "during": None, "end": None})

    def _saved(self, machine: Machine, flags: Sequence[str], step: Data) -> Data | None:
        path = machine.folder.parent / "plan.json"
        path.unlink(missing_ok=True)
        self._plan(machine, ["-o", str(path), *flags], step)
        if self.found or not path.exists():
            return None
        plan: Data = json.loads(_short(path.read_text()))
        self.pressing = list(_pressing(plan))
        if plan["blocked"] and self.code != 3:
            self.found.append(f"a plan with something blocked ended with {self.code}, not 3 (section 8)")
        return plan

    def _run(
        self,
        command: str,
        machine: Machine,
        arguments: Sequence[str],
        step: Data,
        *,
        plan: Mapping[str, Any] | None = None,
        planned: Snapshot | None = None,
        shown_at: int | None = None,
        answer: str | None = None,
        since: int | None = None,
        undone: Undone | None = None,
    ) -> Run:
        declared = project.clean(self.files)
        project.write(machine.folder, self.case, declared)
        lines, before = machine.lines(), self.stage.snapshot()
        hand = _Hand(self, step)
        first = len(self.stage.requests)
        began = self.stage.begin(hand.moments()) and self.stage.tick
        asked: list[int] = []

        def meanwhile() -> None:
            asked.append(self.stage.tick)
            if answer == "y":
                self.acts(step.get("between", ()))

        run = self.forge.run(
            ["-C", str(machine.folder), *map(_long, arguments)],
            self._env(step),
            started=hand.takes,
            answer=answer,
            meanwhile=meanwhile,
            fall=(step.get("end") or {}).get("call", 0),
        )
        self.stage.settle()
        self.code = run.code
        requests = self.stage.requests[first:]
        bound = machine.bound()
        self.believed.update(bound)
        if shown_at is None:
            shown_at = asked[0] if asked else _first_write(requests, began)
        if since is not None and any(t.run <= 0 and since < t.tick <= shown_at for t in self.stage.touches):
            plan = None
        facts = Facts(
            command=command,
            code=run.code,
            text=run.text,
            files=project.merged(declared, self.case.get("defaults", {})),
            before=before,
            after=self.stage.snapshot(),
            requests=requests,
            touches=list(self.stage.touches),
            began=began,
            shown_at=shown_at,
            bound_before={line["address"]: line["id"] for line in lines},
            bound_after=bound,
            protected=frozenset(line["address"] for line in lines if line.get("protect")),
            members=self.members,
            options=self.options,
            flags=frozenset(name for name in _FLAGS if step.get(name)),
            only=step.get("only", ()),
            plan=plan,
            planned=planned,
            killed=run.code == -signal.SIGKILL and (hand.fell is not None or "call" in step["end"]),
            unsettled=frozenset(self.unsettled),
            undone=undone,
            member=step.get("key") == "member",
            unseen=step.get("key") == "member" and self.case["weather"]["quirks"].get("private-meetings") == "404",
            now=self.stage.now(),
            begun=frozenset(r.id for r in self.stage.requests if r.id and r.method == "POST" and r.path == "/v1/files"),
            opened=frozenset(machine.opened),
            finished=frozenset(machine.finished),
        )
        self.found += faults(facts)
        self._remember(machine, facts)
        self.story.append(f"{' '.join(arguments[:2])} -> {run.code}; {len(facts.written)} writes")
        self.tally.update(runs=1, writes=len(facts.written), kills=facts.killed)
        return run

    def _remember(self, machine: Machine, facts: Facts) -> None:
        """What the history of this machine holds now (rule A8)."""
        if facts.command in ("apply", "undo") and facts.written:
            machine.runs.append(Undone(facts.requests, not facts.killed, facts.began, self.stage.tick))
        if facts.killed:
            machine.opened |= _opened(facts.requests)
            machine.finished |= {
                e.place[1] for e in facts.effects if e.place[2:] == ("status",) and e.new == "COMPLETED"
            }
        elif facts.command == "apply" and facts.code in (0, 3) and not facts.only:
            machine.opened.clear()
            machine.finished.clear()

    def _env(self, step: Data) -> dict[str, str]:
        key = PLAIN_KEY if step.get("key") == "member" else KEY
        return {"LIGHTFIELD_BASE_URL": self.stage.url, "LIGHTFIELD_API_KEY": key, "LFSYNC_WORKSPACE": "prod"}


def _pressing(plan: Data) -> Iterator[tuple[str, str, str]]:
    """The fields that a plan updates: id, kind and key."""
    for change in plan["changes"]:
        kind = change["address"].partition(".")[0]
        for row in change["fields"] if change["action"] == "update" else ():
            if row["key"] in menu.FIELDS[kind]:
                yield change["id"], kind, row["key"]


def _opened(requests: Sequence[Request]) -> set[str]:
    """The sessions of which a run knew: it went on with them, which it does after it has journaled them (rule F1)."""
    return {r.path.partition("?")[0].rpartition("/")[2] for r in requests if r.method == "PUT"}


def _first_write(requests: Sequence[Any], began: int) -> int:
    """When the plan was surely shown, where nothing else tells: when the first write arrived."""
    return next((r.ticks[0] for r in requests if r.is_write), began)


def _renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, list):
        return [_renamed(item, old, new) for item in value]
    if isinstance(value, dict) and "match" not in value:
        return {name: refs if name == "where" else _renamed(refs, old, new) for name, refs in value.items()}
    return new if value == old else value


class _Hand:
    """What befalls a run: people, a signal."""

    def __init__(self, played: Played, step: Data) -> None:
        self.played = played
        self.step = step
        self.pid = 0
        self.fell: int | None = None

    def takes(self, pid: int) -> None:
        """The run began."""
        self.pid = pid

    def moments(self) -> list[Moment]:
        """What will happen at which request."""
        found = []
        if during := self.step.get("during"):
            found.append(Moment(during["at"], during["after"], during["writes"], self._acts))
        if (end := self.step.get("end")) and "call" not in end:
            found.append(Moment(end["at"], end["after"], end["writes"], self._falls))
        return found

    def _acts(self) -> bool:
        return self.played.acts(self.step["during"]["acts"])

    def _falls(self) -> bool:
        number = signal.SIGKILL if self.step["end"]["signal"] == "KILL" else signal.SIGTERM
        self.fell = self.played.stage.tick
        kill(self.pid, number)
        return number == signal.SIGKILL and not self.step["end"]["after"]


class Ended(NamedTuple):
    """What a case came to: the promises broken, the commands run, and how much happened."""

    faults: list[str]
    story: list[str]
    tally: Mapping[str, int]


def play(case: Data, forge: Forge, stage: Stage) -> Ended:
    """Plays a case to its end, or to the first run that breaks a promise."""
    with tempfile.TemporaryDirectory(prefix="adversary-") as folder:
        played = Played(case, forge, stage, Path(folder))
        try:
            found = played.play()
            edits = sum(touch.run == 0 for touch in stage.touches)
            return Ended(found, played.story, {**played.tally, "edits by people": edits})
        finally:
            stage.settle()
            stage.close()
