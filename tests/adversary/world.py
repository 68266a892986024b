"""Random worlds and random sequences, as plain data that shrinks and goes into a file. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeAlias

from tests.adversary.menu import (
    CONTENTS,
    FIELDS,
    IDENTITY,
    KINDS,
    LINKS,
    MIMES,
    NAMES,
    PEOPLE,
    PURPOSES,
    RULES,
    TEXTS,
)

Data: TypeAlias = dict[str, Any]
_NAMES = ("Acme", "Birch", "Cedar", "Dune", "Elm", "Fjord", "Grün", "Hof")
_COUNTS = {
    "account": 4, "contact": 3, "opportunity": 2, "file": 2, "meeting": 2, "task": 3, "note": 2, "list": 2,
    "project": 3,
}  # fmt: skip
# A world of calls and their transcripts, under the answers that concern these.
_RECORDINGS = {"account": 1, "contact": 1, "file": 4, "meeting": 4, "note": 2}
_OF_RECORDINGS = ("meeting-", "private-", "blocked-", "file-", "upload-", "md5-", "complete-", "cancel-")
_LAG = 0.3  # seconds
WAIT = 2.0  # the project's index_lag_timeout where there is a lag


class Maker:
    """Makes one case. `quirks` are all there are, by name with their values."""

    def __init__(self, number: int, quirks: Sequence[tuple[str, Sequence[str]]]) -> None:
        self.chance = Random(f"adversary {number}")
        self.ruling = Random(f"rules {number}")  # its own, so that what came before it is as it was
        self.number = number
        self.quirks = quirks
        self.files: dict[str, Data] = {}
        self.live: list[Data] = []
        self.uploaded: list[Data] = []
        self.spare = 0
        self.recordings = self._maybe(0.35)

    def case(self) -> Data:
        """The world and what happens in it."""
        weather = self._weather()
        self._files()
        self._live()
        # A lag, a fault or a wait costs time: such worlds are small.
        calm = not weather["lag"] and not weather["faults"]
        filler = {"account": self.chance.choice((30, 90)), "task": 60} if calm and self._maybe(0.15) else {}
        case = {"number": self.number, "weather": weather, "files": self.files, "live": self.live, "filler": filler}
        case["uploaded"] = self.uploaded
        case["csv"] = sorted(address for address in self.files if address.startswith("account.") and self._maybe(0.2))
        if self._maybe(0.2):
            case["defaults"] = {"account": {"fields": {"score": 7}}}
        case["steps"] = self._steps()
        return case

    def _maybe(self, share: float) -> bool:
        return self.chance.random() < share

    def _pick(self, items: Sequence[Any]) -> Any:
        return self.chance.choice(list(items))

    def _some(self, items: Sequence[Any], most: int) -> list[Any]:
        found = list(items)
        return self.chance.sample(found, self.chance.randint(0, min(most, len(found))))

    def _weather(self) -> Data:
        chosen = {}
        if self._maybe(0.5):
            for name, values in self._some(self.quirks, 3):
                chosen[name] = self._pick(values)
        if self.recordings:
            for name, values in self._some([q for q in self.quirks if q[0].startswith(_OF_RECORDINGS)], 6):
                chosen[name] = self._pick(values)
        lag = _LAG if self._maybe(0.12) else 0
        if lag:  # a lost journal can't be told from none, and then nothing but a key that is honoured protects (A2)
            chosen.pop("object-idempotency", None)
        return {
            "lag": lag,
            "faults": 0.04 if self._maybe(0.08) else 0,
            "ahead": self._pick((300, -300, 4000)) if self._maybe(0.15) else 0,
            "quirks": chosen,
        }

    # ------------------------------------------------------------ files

    def _files(self) -> None:
        self.side = self._pick(("account", "contact"))
        counts = _RECORDINGS if self.recordings else _COUNTS
        for kind in KINDS:
            for _ in range(self.chance.randint(0 if kind != "account" else 1, counts.get(kind, 0))):
                self.add(kind)

    def keys(self, kind: str) -> list[str]:
        """The keys of this kind in the files."""
        return [address.partition(".")[2] for address in self.files if address.startswith(f"{kind}.")]

    def add(self, kind: str) -> str | None:
        """A new resource of this kind; None where it can't be."""
        name = next((name for name in _NAMES if f"{kind}.{_key(name)}" not in self.files), None)
        if name is None or (kind == "opportunity" and not self.keys("account")):
            return None
        address = f"{kind}.{_key(name)}"
        self.files[address] = self._body(kind, name)
        return address

    def _body(self, kind: str, name: str) -> Data:
        if kind == "file":
            return self._file(name)
        fields = _identity(kind, name, self)
        for key in self._some(sorted(FIELDS[kind]), 3):
            fields[key] = self._pick(FIELDS[kind][key].declared)
        if kind == "task":
            fields.setdefault("$status", "TODO")
        links = {key: ref for key in sorted(LINKS[kind]) if (ref := self._links(kind, key)) is not None}
        body: Data = {"fields": fields, "relationships": links}
        if kind == "account" and "$website" in fields and self._maybe(0.15):
            body["match"] = ["$website"]
        if kind == "project":
            body["match"] = ["name"]
        if kind == "list":
            body["members"] = self._members(fields["$objectType"].removeprefix("$"))
        lifecycle = self._lifecycle(kind, fields)
        return {**body, "lifecycle": lifecycle} if lifecycle else body

    def _file(self, name: str) -> Data:
        """A file, with what it holds. Two of one content are an error (rule C10)."""
        taken = [body["content"] for body in self.files.values() if "content" in body]
        content = self._pick([content for content in CONTENTS if content not in taken] or [f"only {name}"])
        body: Data = {"fields": {}, "path": f"{_key(name)}.txt", "content": content, "mimeType": self._pick(MIMES)}
        purpose = self._pick(PURPOSES)
        if purpose:
            body["purpose"] = purpose
        return {**body, "lifecycle": {"seed": True}} if self._maybe(0.06) else body

    def _lifecycle(self, kind: str, fields: Data) -> Data:
        free = [key for key in fields if key in FIELDS[kind]]
        found: Data = {}
        texts = [key for key in TEXTS if key in fields]
        if texts and self._maybe(0.5):
            found["ignore_changes"] = texts
        elif free and self._maybe(0.1):
            found["ignore_changes"] = [self._pick(free)]
        for word, share in (("seed", 0.05), ("protect", 0.08)):
            if self._maybe(share):
                found[word] = True
        return found

    def _links(self, kind: str, key: str) -> Any:
        link = LINKS[kind][key]
        if (kind, key) == ("account", "$contact") and self.side == "contact":
            return None
        if (kind, key) == ("contact", "$account") and self.side == "account":
            return None
        needed = (kind, key) in (("opportunity", "$account"), ("task", "$assignedTo"))
        if not needed and self._maybe(0.55):
            return None
        refs = [self._ref(link.target) for _ in range(1 if not link.many else self.chance.randint(1, 2))]
        found = [ref for number, ref in enumerate(refs) if ref is not None and ref not in refs[:number]]
        if not found:
            return None
        if not link.many:
            return found[0]
        return {"include": found} if self._maybe(0.25) else found

    def _ref(self, target: str) -> Any:
        if target == "member":
            return self._pick(PEOPLE)
        if target == "account" and self._maybe(0.2):
            return {"match": {"$name": self._foreign()}}
        keys = self.keys(target)
        return self._pick(keys) if keys else None

    def _foreign(self) -> str:
        """The name of a record that no file declares."""
        name = self._pick(("Foreign One", "Foreign Two"))
        if not any(record["fields"].get("$name") == name for record in self.live):
            self.live.append({"ref": _key(name), "kind": "account", "fields": {"$name": name}})
        return str(name)

    def _members(self, kind: str) -> Any:
        keys = self.keys(kind)
        chosen = self._some(keys, 3)
        others = [key for key in keys if key not in chosen][:1]
        partial = self._maybe(0.35)
        if self.ruling.random() < 0.4:
            return self._rule(kind, {"include": chosen[:1], "exclude": others})
        return {"include": chosen, "exclude": others} if partial else chosen

    def _rule(self, kind: str, named: Data) -> Data:
        """Whoever is as it says, and who is in or out by name besides."""
        keys = self.ruling.sample(sorted(RULES[kind]), self.ruling.choice((1, 1, 2)))
        where = {key: self.ruling.choice(RULES[kind][key]) for key in keys}
        return {"where": where, **{name: refs for name, refs in named.items() if refs and self.ruling.random() < 0.3}}

    # ------------------------------------------------------------ what is there before

    def _live(self) -> None:
        for address, body in list(self.files.items()):
            kind = address.partition(".")[0]
            if kind == "file":
                self._uploaded(body)
                continue
            if self._maybe(0.3):
                self._record(kind, body, lambda text: text)
            if self._maybe(0.05):
                self._record(kind, body, lambda text: text)
            if self._maybe(0.25):
                self._record(kind, body, self._pick(_NEAR))
            if self._maybe(0.1) and kind != "list":
                self._record(kind, body, lambda text: text, trashed=True)

    def _uploaded(self, body: Data) -> None:
        """A file that somebody uploaded, or one that only looks like it."""
        made = {"filename": body["path"], "mimeType": body["mimeType"], "content": body["content"]}
        if self._maybe(0.25):
            self.uploaded.append({**made, "app": True} if self._maybe(0.2) else made)
        if self._maybe(0.2):
            self.uploaded.append({**made, "content": body["content"][::-1]})

    def _record(self, kind: str, body: Data, form: Callable[[str], str], *, trashed: bool = False) -> None:
        fields = {NAMES[kind]: _formed(body["fields"][NAMES[kind]], form)}
        for key in (*IDENTITY, "$status"):
            if key in body["fields"]:
                fields[key] = body["fields"][key]
        if "$email" in fields and self._maybe(0.5):
            fields["$email"] = [fields["$email"][0].upper()]
        for key in self._some(sorted(FIELDS[kind]), 2):
            value = self._pick(FIELDS[kind][key].people)
            if key != "$status":
                fields[key] = value if key != "since" else "2001-01-01T00:00:00Z"
        links = {}
        account = next((r["ref"] for r in self.live if r["kind"] == "account" and not r.get("trashed")), None)
        if kind in ("opportunity", "task", "note") and (kind == "opportunity" or self._maybe(0.4)):
            if account is None:
                self._foreign()
                account = self.live[-1]["ref"]
            links["$account"] = account
        if kind == "task":
            links["$assignedTo"] = self._pick(PEOPLE)
        self.spare += 1
        made: Data = {"ref": f"r{self.spare}", "kind": kind, "fields": fields}
        if links:
            made["relationships"] = links
        if trashed:
            made["trashed"] = True
        self.live.append(made)

    # ------------------------------------------------------------ what happens

    def _steps(self) -> list[Data]:
        steps: list[Data] = [self._apply()] if self._maybe(0.8) else []
        for _ in range(self.chance.randint(3, 8)):
            made = self.chance.choices(_STEPS, [share for _, share in _WEIGHTS])[0]
            step = made(self)
            steps += [step] if step else []
        return steps

    def _machine(self) -> int:
        return 1 if self._maybe(0.15) else 0

    def _key(self) -> Data:
        """Now and then the key is that of a member, who sees of private meetings only that they are there."""
        return {"key": "member"} if self._maybe(0.25 if self.recordings else 0.05) else {}

    def _flags(self) -> Data:
        step: Data = {"m": self._machine(), **self._key()}
        if self._maybe(0.25):
            step["prune"] = True
        if self._maybe(0.2):
            step["recreate"] = True
        if self._maybe(0.12) and self.files:
            step["only"] = [self._pick(sorted(self.files))]
        return step

    def _apply(self) -> Data:
        step: Data = {"do": "apply", **self._flags(), "how": self._pick(("yes", "yes", "saved", "saved", "ask", "no"))}
        if self._maybe(0.85):
            step["large"] = True
        if step["how"] in ("saved", "ask") and self._maybe(0.6):
            step["between"] = self._acts()
        if step["how"] != "no" and self._maybe(0.3):
            step["during"] = {**self._moment(), "acts": self._acts()}
        if step["how"] in ("yes", "saved") and self._maybe(0.25):
            step["end"] = {**self._moment(), "signal": self._pick(("KILL", "KILL", "KILL", "TERM"))}
        return step

    def _moment(self) -> Data:
        writes = self._maybe(0.7)
        return {"at": self.chance.randint(1, 6 if writes else 25), "after": self._maybe(0.5), "writes": writes}

    def _plan(self) -> Data:
        return {"do": "plan", **self._flags()}

    def _undo(self) -> Data:
        step: Data = {"do": "undo", "m": self._machine(), **self._key()}
        if self._maybe(0.2):
            step["during"] = {**self._moment(), "acts": self._acts()}
        if self._maybe(0.15):
            step["end"] = {**self._moment(), "signal": "KILL"}
        return step

    def _people(self) -> Data:
        return {"do": "people", "acts": self._acts()}

    def _acts(self) -> list[Data]:
        found = [act for _ in range(self.chance.randint(1, 3)) if (act := self._act())]
        return [*found, {"act": "press", "nth": self.chance.randint(0, 9)}] if self._maybe(0.5) else found

    def _who(self, kind: str | None = None) -> str | None:
        known = [a for a in self.files if a.startswith(f"{kind}." if kind else _OTHERS)]
        known += [f"live:{r['ref']}" for r in self.live if kind is None or r["kind"] == kind][:4]
        return self._pick(known) if known else None

    def _kind_of(self, who: str) -> str:
        if who.startswith("live:"):
            return next(str(r["kind"]) for r in self.live if f"live:{r['ref']}" == who)
        return who.partition(".")[0]

    def _act(self) -> Data | None:
        if (self._maybe(0.15) if self.recordings else self._maybe(0.02)) and self.keys("file"):
            return self._of_a_file()
        who = self._who("meeting" if self.recordings and self._maybe(0.5) else None) or self._who()
        if who is None:
            return None
        kind = self._kind_of(who)
        what = self._pick(
            ("set", "set", "set", "link", "link", "trash", "restore", "create", "merge", "rename", "member")
        )
        if what in ("trash", "restore"):
            return {"act": what, "who": who}
        if what == "rename":
            other = self._pick((*_NAMES, "Renamed"))
            return {"act": "set", "who": who, "key": NAMES[kind], "value": _named(kind, other)}
        if what == "merge":
            into = self._who(kind)
            return {"act": "merge", "who": who, "into": into} if into and into != who else None
        if what == "link":
            return self._link_act(who, kind)
        if what == "member":
            name, member = self._who("list"), self._who("account")
            return {"act": "member", "who": name, "to": member, "on": self._maybe(0.6)} if name and member else None
        if what == "create":
            others = sorted(address for address in self.files if address.startswith(_OTHERS))
            return {"act": "create", "like": self._pick(others)} if others else None
        key = self._pick(sorted(FIELDS[kind]))
        return {"act": "set", "who": who, "key": key, "value": self._pick(FIELDS[kind][key].people)}

    def _of_a_file(self) -> Data:
        """Somebody uploads what is declared, or begins to; or so much time passes that sessions end."""
        like = f"file.{self._pick(self.keys('file'))}"
        what = self._pick(("upload", "upload", "begin", "wait"))
        return (
            {"act": "jump", "by": 20} if what == "wait" else {"act": "upload", "like": like, "whole": what == "upload"}
        )

    def _link_act(self, who: str, kind: str) -> Data | None:
        if not LINKS[kind]:
            return None
        key = self._pick(sorted(LINKS[kind]))
        target = LINKS[kind][key].target
        to = self._pick(PEOPLE) if target == "member" else self._who(target)
        return {"act": "link", "who": who, "key": key, "to": to, "on": self._maybe(0.6)} if to else None

    def _edit(self) -> Data | None:
        if not self.files:
            return None
        address = self._pick(sorted(self.files))
        kind = address.partition(".")[0]
        ops: Sequence[str] = (
            "set",
            "set",
            "set",
            "drop",
            "remove",
            "remove",
            "add",
            "rename",
            "members",
            "life",
            "link",
            "link",
        )
        if kind == "file":
            ops = (*("content", "content", "swap", "swap"), "rename", "remove", "add", "path")
        op = self._pick(ops)
        if op in ("content", "swap", "path"):
            return self._edit_file(op, address)
        if op == "set":
            key = self._pick(sorted(FIELDS[kind]))
            return {
                "do": "edit",
                "op": op,
                "address": address,
                "key": key,
                "value": self._pick(FIELDS[kind][key].declared),
            }
        if op == "drop":
            keys = [key for key in self.files[address]["fields"] if key in FIELDS[kind] and key != "$status"]
            return {"do": "edit", "op": op, "address": address, "key": self._pick(keys)} if keys else None
        if op == "add":
            kept = dict(self.files)
            made = self.add(self._pick(KINDS))
            body = self.files[made] if made else None
            self.files = kept
            return {"do": "edit", "op": op, "address": made, "body": body} if made else None
        if op == "rename":
            return {"do": "edit", "op": op, "address": address, "key": f"renamed-{self.chance.randint(1, 9)}"}
        if op == "members" and self.keys("list"):
            name = f"list.{self._pick(self.keys('list'))}"
            kind = self.files[name]["fields"]["$objectType"].removeprefix("$")
            return {"do": "edit", "op": op, "address": name, "members": self._members(kind)}
        if op == "life":
            life = self._pick(({"absent": True}, {"protect": True}, {"protect": False}, {}))
            return {"do": "edit", "op": op, "address": address, "lifecycle": life}
        if op == "link" and LINKS[kind]:
            key = self._pick(sorted(LINKS[kind]))
            ref = self._links(kind, key)
            if ref is not None:
                return {"do": "edit", "op": op, "address": address, "key": key, "ref": ref}
        return {"do": "edit", "op": "remove", "address": address}

    def _edit_file(self, op: str, address: str) -> Data:
        step: Data = {"do": "edit", "op": op, "address": address}
        if op == "content":
            return {**step, "content": self._pick(CONTENTS)}
        if op == "path":
            return {**step, "path": f"{address.partition('.')[2]}-{self.chance.randint(1, 9)}.txt"}
        return {**step, "with": f"file.{self._pick(self.keys('file'))}"}

    def _state(self) -> Data:
        op = self._pick(("rm", "rm", "lose-state", "lose-journal", "lose-both"))
        step: Data = {"do": "state", "op": op, "m": self._machine()}
        if not self.files:
            return {**step, "op": "lose-both"}
        address = self._pick(sorted(self.files))
        kind = address.partition(".")[0]
        if kind == "file" or self._maybe(0.5):
            return {**step, "address": address, "acts": []}
        act = {"act": "set", "who": address, "key": NAMES[kind], "value": _named(kind, "Renamed")}
        return {**step, "address": address, "acts": [act]}

    def _git(self) -> Data:
        a = self._machine()
        return {"do": "git", "from": a, "to": 1 - a}

    def _clock(self) -> Data:
        return {"do": "clock", "jump": self._pick((5, 60, 90_000))}


_WEIGHTS: Sequence[tuple[Callable[[Maker], Data | None], float]] = (
    (Maker._apply, 5),
    (Maker._people, 5),
    (Maker._edit, 5),
    (Maker._plan, 0.7),
    (Maker._undo, 1.6),
    (Maker._state, 1.2),
    (Maker._git, 0.8),
    (Maker._clock, 0.5),
)
_OTHERS = tuple(f"{kind}." for kind in KINDS if kind != "file")
_STEPS = [made for made, _ in _WEIGHTS]
_NEAR: Sequence[Callable[[str], str]] = (
    lambda text: f" {text}",
    lambda text: f"{text} ",
    lambda text: text.upper(),
    lambda text: f"{text} Inc",
    lambda text: text.replace("ü", "u\u0308"),
)


def _key(name: str) -> str:
    return name.lower().replace(" ", "-")


def _named(kind: str, name: str) -> Any:
    return {"firstName": name, "lastName": "Lind"} if kind == "contact" else name


def _formed(value: Any, form: Callable[[str], str]) -> Any:
    return {**value, "firstName": form(value["firstName"])} if isinstance(value, dict) else form(value)


def _identity(kind: str, name: str, maker: Maker) -> Data:
    fields: Data = {NAMES[kind]: _named(kind, name)}
    if kind == "contact" and maker.chance.random() < 0.6:
        fields["$email"] = [f"{_key(name).encode('ascii', 'ignore').decode()}@corp.example"]
    if kind == "meeting":
        day = sum(map(ord, name)) % 9 + 1
        fields |= {"$startDate": f"2026-10-0{day}", "$endDate": f"2026-10-0{day}T12:00:00+02:00"}
    if kind == "list":
        fields["$objectType"] = maker.chance.choice(("$account", "$account", "$contact"))
    return fields
