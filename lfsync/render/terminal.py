"""What may reach a terminal: hostile text made harmless, colours, problems of the files. Pure."""

from __future__ import annotations

import re

from lfsync.errors import Problem

# A flag such as Scotland's is spelt with tag characters; anywhere else they are invisible text.
_FLAG = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,8}\U000e007f"
_HIDDEN = (
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: they drive the terminal
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction marks: they reorder what is read
    "\u00ad\u180e\u200b\u2028\u2029\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"  # invisible
    "\ud800-\udfff"  # lone surrogates: they can't be encoded
    "\U000e0000-\U000e007f"
)
# A joiner belongs inside emoji and scripts such as Persian; after ASCII, what is spelt out in it, or another joiner it
# only hides a difference.
_JOINERS = f"(?:(?<![^\x00-\x7f{_HIDDEN}\u200c\u200d])[\u200c\u200d])"
_UNSAFE = re.compile(f"({_FLAG})|[{_HIDDEN}]|{_JOINERS}")

_SGR = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "magenta": "35", "cyan": "36"}


def escape(text: str) -> str:
    r"""One harmless line: control, invisible and reordering characters become `\n`, `\x1b`, `\u202e`.

    Letters of every script, emoji and their joined sequences stay. Escaping twice is escaping once.
    """
    return text if text.isprintable() else _UNSAFE.sub(_visible, text)


def paint(text: str, style: str) -> str:
    """`text` in a style of `_SGR`; several are joined with a space."""
    codes = ";".join(_SGR[name] for name in style.split())
    return f"\x1b[{codes}m{text}\x1b[0m"


def problem_text(problem: Problem) -> str:
    """`file:line:column: address: what`, and what to do on a line of its own."""
    where = [escape(str(part)) for part in (problem.place, problem.address) if part]
    line = ": ".join([*where, escape(problem.message)])
    return f"{line}\n    {escape(problem.hint)}" if problem.hint else line


def _visible(hit: re.Match[str]) -> str:
    return hit[1] or hit[0].encode("unicode_escape").decode("ascii")
