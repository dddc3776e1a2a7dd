"""``lab netbox``: a NetBox to try things with, for as long as the command runs."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Annotated

import typer

from core.console import emit_json_line, end_stream, err, out, progress
from core.errors import RackproofError
from core.files import PRIVATE, write_atomic
from core.i18n import _


def netbox(
    token_file: Annotated[Path, typer.Option("--token-file", help="Write its API token here, for its owner only.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line per event.")] = False,
) -> None:
    """Run an empty NetBox on this machine until Ctrl-C; it keeps nothing. The first time builds its image. Needs root.

    Example: sudo ./rackproof lab netbox --token-file netbox.token
    """
    from lab.netbox import image
    from lab.netbox.server import running

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        with progress("NetBox") as step:
            if not image.path().is_dir():
                step(_("building its image, once, some minutes"))
            found = stack.enter_context(running(step))
        _write_token(token_file, found.token)
        stack.callback(token_file.unlink, missing_ok=True)
        stack.enter_context(suppress(KeyboardInterrupt))
        if as_json:
            stack.enter_context(end_stream(emit_json_line))
            emit_json_line(
                {
                    "event": "listening", "url": found.url, "user": found.user, "password": found.password,
                    "token_file": str(token_file),
                }
            )  # fmt: skip
        else:
            text = _("{url} (web: {user} / {password}; API token: {file})")
            said = text.format(url=found.url, user=found.user, password=found.password, file=token_file)
            out.print(said, markup=False)
            err.print(_("Ctrl-C ends it and forgets everything"), markup=False)
        signal.pause()


def _write_token(file: Path, token: str) -> None:
    if os.path.lexists(file):
        raise RackproofError("LAB046", file=file)
    write_atomic(file, token + "\n", PRIVATE)
