"""What people typed, in Markdown, as itself and as nothing else: code spans, fences, links, HTML. Pure.

In code GitHub and GitLab see no markup, no mention, no reference and no HTML; a line in a fence begins with a sign of
ours, and no line outside of one begins with what somebody typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from lfsync.render.terminal import escape
from lfsync.wording import cut

_BACKTICKS: Final = re.compile("`+")
_URL: Final = re.compile(r"https?://[!-~]+", re.IGNORECASE)
_OUTSIDE_URL: Final = re.compile(r"[^A-Za-z0-9\-._~:/?#@!$&*+,;=%]")


def code(text: str, longest: int = 300) -> str:
    """A code span of one line, in at most so many characters; a space where there is no text."""
    safe = cut(escape(text), longest)
    fence = "`" * (longest_run(safe) + 1)
    pad = " " if safe.strip(" ") and (safe[0] in " `" or safe[-1] in " `") else ""
    return f"{fence}{pad}{safe or ' '}{pad}{fence}"


def linked(name: str, link: str | None) -> str:
    """A record's name, which leads to it where `link` is an address of the web."""
    text = code(name, 100)
    if link is None or not _URL.fullmatch(link):
        return text
    return f"[{text}]({_OUTSIDE_URL.sub(_percent, link).replace('&', '&amp;')})"


def in_html(text: str) -> str:
    """Text within HTML of ours: each character that could mean something, to Markdown too, as an entity."""
    return "".join(each if each.isalnum() or each == " " else f"&#{ord(each)};" for each in escape(text))


def fenced(lines: Iterable[str], indent: str = "") -> str:
    """Lines of a diff in a fence that none of them can close."""
    safe = [escape(line) for line in lines]
    fence = "`" * max(3, max(map(longest_run, safe), default=0) + 1)
    body = "".join(f"{indent}{line.rstrip()}\n" for line in safe)
    return f"{indent}{fence}diff\n{body}{indent}{fence}\n"


def longest_run(text: str) -> int:
    """Of backticks."""
    return max(map(len, _BACKTICKS.findall(text)), default=0) if "`" in text else 0


def size(text: str) -> int:
    """Bytes of UTF-8: never fewer than the characters that GitHub documents, and a limit in bytes holds as well."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _percent(hit: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in hit[0].encode())
