"""`python -m tests.pictures`: the pictures of docs/images/, taken anew by the system's Chromium.

The page of a plan, and its comment as a pull request shows it: GitHub's markup and colours, by hand.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from markdown_it import MarkdownIt
from playwright.sync_api import Browser

from lfsync.render.html import plan_html
from lfsync.render.markdown import plan_markdown
from tests.browser import chromium
from tests.render.golden_plans import golden_plans

IMAGES = Path(__file__).parents[1] / "docs" / "images"
LARGEST = 150_000  # bytes

_STYLE = """
body { margin: 0; padding: 20px; background: #fff; color: #1f2328;
  font: 14px/1.5 system-ui, "DejaVu Sans", sans-serif; }
.comment { border: 1px solid #d1d9e0; border-radius: 6px; }
.who { padding: 8px 16px; border-bottom: 1px solid #d1d9e0; border-radius: 6px 6px 0 0;
  background: #f6f8fa; color: #59636e; }
.who b { color: #1f2328; }
.said { padding: 4px 16px 12px; }
a { color: #0969da; } h4 { margin: 20px 0 8px; font-size: 15px; } p { margin: 10px 0; } ul { padding-left: 2em; }
code { padding: .2em .4em; border-radius: 6px; background: #818b981f;
  font: 85% ui-monospace, "DejaVu Sans Mono", monospace; }
pre { margin: 6px 0; padding: 8px 0; border-radius: 6px; background: #f6f8fa; overflow: auto; }
pre code { display: block; padding: 0; background: none; line-height: 1.45; }
pre span { display: block; padding: 0 12px; }
pre .old { background: #ffebe9; color: #82071e; } pre .new { background: #dafbe1; color: #116329; }
blockquote { margin: 10px 0; padding: 0 1em; border-left: .25em solid #d1d9e0; color: #59636e; }
"""
_COLOURS = """
for (const code of document.querySelectorAll("code.language-diff")) {
  const lines = code.textContent.replace(/\\n$/, "").split("\\n");
  code.textContent = "";
  for (const line of lines) {
    const span = document.createElement("span");
    span.className = { "-": "old", "+": "new" }[line[0]] ?? "";
    span.textContent = line;
    code.append(span);
  }
}
"""


def comment_page(markdown: str) -> str:
    body = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
    who = '<p class="who" style="margin: 0"><b>github-actions</b> commented 2 minutes ago</p>'
    return (
        f'<!doctype html><meta charset="utf-8"><title>Comment</title><style>{_STYLE}</style>'
        f'<div class="comment">{who}<div class="said">{body}</div></div><script>{_COLOURS}</script>'
    )


def take(browser: Browser, html: str, name: str, *, width: int, height: int) -> None:
    """As a PNG of at most `LARGEST` bytes; a ValueError says that it is larger."""
    page = browser.new_page(viewport={"width": width, "height": height})
    with TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(html, encoding="utf-8")
        page.goto(path.as_uri())
        taken = page.screenshot()
    page.close()
    if len(taken) > LARGEST:
        raise ValueError(f"{name} has {len(taken)} bytes, more than {LARGEST}")
    (IMAGES / name).write_bytes(taken)


def main() -> None:
    plan = golden_plans()["thirty"]
    IMAGES.mkdir(exist_ok=True)
    with chromium() as browser:
        take(browser, plan_html(plan), "plan.png", width=1240, height=820)
        take(browser, comment_page(plan_markdown(plan)), "comment.png", width=820, height=820)


if __name__ == "__main__":
    main()
