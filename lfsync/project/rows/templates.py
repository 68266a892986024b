"""Texts put together from columns: `{First} {Last}`. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lfsync.wording import nfc

_PIECE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


@dataclass(frozen=True, slots=True)
class Template:
    """Literal texts, and the columns behind each of them; the last text has no column behind it."""

    texts: tuple[str, ...]
    columns: tuple[str, ...]

    def filled(self, cell: Callable[[str], str]) -> str:
        """The text with each column's cell in its place."""
        pieces = [text + cell(column) for text, column in zip(self.texts, self.columns, strict=False)]
        return "".join((*pieces, self.texts[-1]))


def read_template(text: str) -> Template:
    """`{{` and `}}` are braces. ValueError says what is wrong."""
    texts, columns = [""], []
    for hit in _PIECE.finditer(text):
        if hit[0] in ("{{", "}}"):
            texts[-1] += hit[0][0]
        elif hit[1] is not None:
            name = nfc(hit[1].strip())
            if not name:
                raise ValueError("`{}` names no column")
            columns.append(name)
            texts.append("")
        elif hit[0] in "{}":
            raise ValueError(f"a single `{hit[0]}`; `{hit[0] * 2}` is a brace of the text")
        else:
            texts[-1] += hit[0]
    if not columns:
        raise ValueError("it names no column")
    return Template(tuple(texts), tuple(columns))
