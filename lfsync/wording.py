"""Words: the form in which texts are compared, the nearest known word for a mistyped one, articles, cuts. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import normalize


def nfc(text: str) -> str:
    """The form in which text is compared, whatever the form in which it is sent (rule C18)."""
    return text if text.isascii() else normalize("NFC", text)


def folded(text: str) -> str:
    """As `nfc`, without case."""
    return text.casefold() if text.isascii() else normalize("NFC", normalize("NFC", text).casefold())


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word that `word` was most likely meant to be; None if nothing comes as close as `cutoff` (0..1)."""
    from difflib import get_close_matches  # only mistakes need it

    by_plain = {plain(name): name for name in known}
    close = get_close_matches(plain(word), by_plain, n=1, cutoff=cutoff)
    return by_plain[close[0]] if close else None


def as_it_stands(text: str) -> str:
    """A text of somebody's for a message, as it stands: "`text`"; of a long one its beginning."""
    return f"`{text}`" if len(text) <= _SHOWN else f"`{text[:_SHOWN]}...`"


_SHOWN = 60  # characters


def cut(text: str, longest: int) -> str:
    """The text in at most `longest` characters, the last of which tells of a cut."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def with_article(noun: str) -> str:
    """`an account`, `a task`."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def plain(word: str) -> str:
    """Case, `$` and runs of spaces, `-` and `_` left out: what two spellings of one word share."""
    return " ".join(word.replace("-", " ").replace("_", " ").replace("$", "").casefold().split())


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint that names the nearest known word, else None."""
    found = nearest(word, known)
    return None if found is None else f"did you mean `{found}`?"
