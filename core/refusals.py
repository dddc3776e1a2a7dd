"""What the system says when it refuses a call, in the language of the reader."""

from __future__ import annotations

from core.i18n import N_, _

#: What the C library says of the refusals that people meet (strerror in the C locale), marked for translation.
SAYINGS = (
    N_("Operation not permitted"),
    N_("No such file or directory"),
    N_("Input/output error"),
    N_("No such device or address"),
    N_("Permission denied"),
    N_("Device or resource busy"),
    N_("File exists"),
    N_("Invalid cross-device link"),
    N_("Not a directory"),
    N_("Is a directory"),
    N_("Invalid argument"),
    N_("Too many open files"),
    N_("Too many open files in system"),
    N_("Text file busy"),
    N_("File too large"),
    N_("No space left on device"),
    N_("Read-only file system"),
    N_("Broken pipe"),
    N_("File name too long"),
    N_("Directory not empty"),
    N_("Too many levels of symbolic links"),
    N_("Cannot allocate memory"),
    N_("Exec format error"),
    N_("Disk quota exceeded"),
    N_("Stale file handle"),
    N_("Address already in use"),
    N_("Cannot assign requested address"),
    N_("Network is unreachable"),
    N_("No route to host"),
    N_("Connection refused"),
    N_("Connection reset by peer"),
    N_("Connection timed out"),
    N_("Name or service not known"),
    N_("Temporary failure in name resolution"),
)


def say_refusal(error: OSError) -> str:
    """Return why the system refused, translated; the class of an error that says nothing.

    What is not in ``SAYINGS`` stays as the system says it: better English than nothing.
    """
    if error.strerror:
        return _(error.strerror)
    return type(error).__name__
