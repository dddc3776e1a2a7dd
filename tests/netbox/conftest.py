"""The real NetBox that tests of this folder share; every test that changes it says what it needs first."""

import os
from collections.abc import Iterator

import pytest

from lab.netbox import server


@pytest.fixture(scope="session")
def netbox() -> Iterator[server.NetBox]:
    """A running NetBox, empty at the start of the session; needs root and, once, minutes to build its image."""
    if os.geteuid() != 0:
        pytest.fail("this test needs root: run `sudo ./rackproof test`, or leave it out with --fast")
    with server.running() as found:
        yield found
