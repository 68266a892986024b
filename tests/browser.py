"""A page in the system's Chromium: what it asks for, what it complains of. Tests skip where there is no Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CHROMIUM = next((path for name in _NAMES if (path := shutil.which(name))), None)

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium here: apt-get install chromium (.ci/run does)"
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """One at a time in a process, and no asyncio of one's own inside: playwright runs a loop here."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watched:
    """A page, and what must stay empty: requests but the one for itself, console messages, errors, violations."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def dismiss(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def reload(self) -> None:
        self.page.goto(self.address)


@contextmanager
def opened(
    browser: Browser,
    html: str,
    folder: Path,
    *,
    width: int = 1400,
    scripts: bool = True,
    scheme: Literal["light", "dark"] = "light",
) -> Iterator[Watched]:
    """`html` as a file in `folder`, opened as a person does. Ends with an assertion that nothing was complained of."""
    path = folder / "plan.html"
    path.write_text(html, encoding="utf-8")
    context = browser.new_context(
        viewport={"width": width, "height": 900}, java_script_enabled=scripts, color_scheme=scheme
    )
    page = context.new_page()
    watched = Watched(page, path.as_uri())
    page.on("console", lambda message: watched.complaints.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: watched.complaints.append(f"error: {error}"))
    page.on(
        "request",
        lambda request: None if _is_itself(request.url, watched) else watched.complaints.append(f"GET {request.url}"),
    )
    page.on("dialog", watched.dismiss)
    context.on("page", lambda other: None if other is page else watched.complaints.append("another page"))
    page.add_init_script(
        "document.addEventListener('securitypolicyviolation',"
        " (event) => console.error(`violation: ${event.violatedDirective} ${event.blockedURI}`));"
    )
    page.goto(watched.address)
    try:
        yield watched
        page.wait_for_timeout(0)
        assert not watched.complaints, watched.complaints
    finally:
        context.close()


def _is_itself(url: str, watched: Watched) -> bool:
    return url.partition("#")[0] == watched.address or url.startswith("data:image/svg+xml")
