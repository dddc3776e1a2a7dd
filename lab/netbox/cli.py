"""``lab netbox``: a NetBox to try things with, for as long as the command runs."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Annotated

import typer

from core.console import emit_json, err, out, progress
from core.errors import ExitCode, RackproofError


def netbox(
    token_file: Annotated[Path, typer.Option("--token-file", help="Write its API token here, for its owner only.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Run an empty NetBox on this machine until Ctrl-C; it keeps nothing. The first time builds its image. Needs root.

    Example: sudo ./rackproof lab netbox --token-file netbox.token
    """
    from lab.netbox import image
    from lab.netbox.server import running

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        with progress("NetBox") as step:
            step("starting" if image.path().is_dir() else "building its image, once, some minutes")
            found = stack.enter_context(running())
        _write_token(token_file, found.token)
        stack.callback(token_file.unlink, missing_ok=True)
        if as_json:
            emit_json({"url": found.url, "user": found.user, "password": found.password, "token_file": str(token_file)})
        else:
            out.print(f"{found.url} (web: {found.user} / {found.password}; API token: {token_file})", markup=False)
            err.print("Ctrl-C ends it and forgets everything")
        stack.enter_context(suppress(KeyboardInterrupt))
        signal.pause()


def _write_token(file: Path, token: str) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise RackproofError("LAB046", "the token cannot be written", actual=f"{file}: {error.strerror}",
                             remedy="name a new file in a folder that is there", exit_code=ExitCode.USAGE) from None
    with os.fdopen(descriptor, "w") as stream:
        stream.write(token + "\n")
