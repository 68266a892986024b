"""Texts that somebody may have typed into the CRM to break out of where they are shown, and a plan full of them."""

from __future__ import annotations

import random
from dataclasses import replace

from lfsync.model import (
    Address,
    Blocked,
    Change,
    Kept,
    LastChange,
    LinkChange,
    MembersChange,
    Orphan,
    Place,
    Plan,
    PlanWarning,
    Refusal,
    WorkspaceInfo,
)
from tests.render.render_samples import field
from tests.soak.test_hostile_text import HOSTILE

_TRICKS = (
    "</script><script>alert(1)</script>",
    "</style><style>*{display:none}</style>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onfocus='alert(1)' autofocus='",
    "</li></ul></details></main><h1>Approved</h1>",
    "<!-- ",
    "--> <b>",
    "<![CDATA[",
    "&lt;script&gt;&#60;script&#62;",
    "javascript:alert(1)",
    "{{ 7 * 7 }} {% raw %} {# x #}",
    "<base href=https://other.example/>",
    '<meta http-equiv="refresh" content="0;url=https://other.example/">',
    "\u2028\u2029<plaintext>",
    "<a href='https://other.example'>Acme</a>",
)
_PIECES = (
    *"<>&\"'`/=\\{}%#-! \t\n\r\x00\x1b\x7f\x9b\u202e\u2066\u200b\ufeff\ud800|*_[]()",
    *(
        "<script",
        "</",
        "/>",
        "<!--",
        "-->",
        "]]>",
        "&amp;",
        "&#x3c;",
        "on",
        "style",
        "e\u0301",
        "\U0001f469",
        "\u682a",
        "a",
        "7",
    ),
)


ACCOUNT = Address("account", "k")


def hostile_texts(count: int) -> list[str]:
    """Those of the soak, known tricks, and `count` random ones, the same on every run."""
    dice = random.Random(2026)
    made = ("".join(dice.choices(_PIECES, k=dice.randint(1, 40))) for _ in range(count))
    return [*HOSTILE.values(), *_TRICKS, *made]


def tame(text: str) -> str:
    """As long a text of as many lines, and as seen as it; but letters where it has what markup is made of."""
    return "".join(c if c in " \\" or not c.isprintable() else chr(0x4E00 + ord(c) % 0x4000) for c in text)


def plan_with(text: str) -> Plan:
    """One of every kind of thing, `text` wherever somebody could have typed it; two changes are alike."""
    place = Place(f"crm/{text}.yaml", 3, 5)
    fields = (
        field(f"key {text}", f"Label {text}", f"old {text}", f"new {text}"),
        field("list", "List", [text], [text, "more"]),
        field("text", "Text", f"one\n{text}\ntwo\nthree", f"one\n{text}!\ntwo\nthree"),
    )
    moved = LastChange("2026-11-20T08:00:00Z", f"was {text}")
    drift = (*fields, field("tier", "Tier", f"a {text}", "b", cause="drift"))
    links = (
        LinkChange("peers", [f"{text} (acc_1)"], [f"new {text} (acc_2)"], (f"x {text}",), (f"y {text}",), "config"),
    )
    first = Change(
        Address("account", "a"), "update", place, id="acc_1", name=f"N {text}", link=f"https://crm.example/{text}",
        cause="config", fields=fields, relationships=links,
    )  # fmt: skip
    drifted = (*drift[:-1], replace(drift[-1], changed=moved))
    changes = (
        first,
        replace(first, address=Address("account", "b"), link=text),
        replace(first, address=Address("account", "c"), cause="drift", fields=drifted, warnings=(f"w {text}",)),
        replace(first, address=Address("task", "d"), action="delete", fields=(), relationships=()),
        replace(
            first, address=Address("list", "l"), members=MembersChange(tuple(f"{n} {text}" for n in range(20)), (text,))
        ),
        replace(first, address=Address("note", "n"), action="create", id=None),
    )
    return Plan(
        WorkspaceInfo(f"prod {text}", f"https://api.example/{text}"),
        f"2026 {text}",
        "d",
        changes,
        blocked=(Blocked(Address("task", "x"), f"r {text}", f"h {text}", place),),
        orphans=(Orphan(Address("task", "o"), f"tsk_ {text}"),),
        warnings=(PlanWarning(f"w {text}"),),
        missing_scopes=(f"s {text}",),
        refusals=(Refusal("policy", f"p {text}", f"m {text}", (Address("account", "a"),)),),
        kept=(Kept(ACCOUNT, place, "tier", f"T {text}", "TEXT", f"x {text}", "y", name=text, link=text),),
    )
