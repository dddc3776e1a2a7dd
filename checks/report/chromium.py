"""A report through headless Chromium: its picture, and its A4 pages. Only needed to make or check those."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from core.errors import Place, RackproofError

TIMEOUT_S = 120
WIDTH, HEIGHT = 1180, 1240
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """Return the Chromium of this machine, None when there is none."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


def take_picture(html: Path, target: Path, width: int = WIDTH, height: int = HEIGHT) -> None:
    """Write a PNG of the head of a report.

    Raises RackproofError: RPT010 no Chromium, RPT011 it failed, RPT012 ``target`` does not end in ``.png`` (Chromium
    takes the form from the name, and for any other it never ends).
    """
    if target.suffix != ".png":
        raise RackproofError("RPT012", place=Place(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    run_chromium(html, target, [f"--screenshot={target}", f"--window-size={width},{height}"])


def print_pdf(html: Path, target: Path) -> None:
    """Write the report as it prints, A4. Raises RackproofError (RPT010, RPT011)."""
    run_chromium(html, target, [f"--print-to-pdf={target}", "--no-pdf-header-footer"])


def run_chromium(html: Path, target: Path, arguments: list[str]) -> None:
    """Let Chromium make one file of a page. Raises RackproofError (RPT010, RPT011)."""
    program = find_chromium()
    if program is None:
        raise RackproofError("RPT010")
    with TemporaryDirectory() as profile:
        argv = [program, *_QUIET, f"--user-data-dir={profile}", *arguments, html.resolve().as_uri()]
        try:
            done = subprocess.run(argv, capture_output=True, timeout=TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            raise RackproofError("RPT011", limit=TIMEOUT_S) from None
    if done.returncode != 0 or not target.exists():
        raise RackproofError("RPT011", limit=TIMEOUT_S, actual=done.stderr.decode("utf-8", "replace").strip()[-300:])
