"""The tutorials, typed by a test: every command block, in order, in the shared lab, with the exit code it promises."""

import os
from pathlib import Path

import pytest

from lab.instance import Instance
from tests.docs.blocks import TUTORIALS, type_in
from tests.support import leave_long

pytestmark = pytest.mark.lab

KINDS = ("operations", "network", "auditor")


@pytest.mark.parametrize("kind", leave_long(KINDS, ("network", "auditor")))
def test_every_command_of_the_tutorial_does_what_it_says(kind: str, provisioned_lab: Instance, tmp_path: Path) -> None:
    env = {**os.environ, "RACKPROOF_LAB": provisioned_lab.name, "TMPDIR": str(tmp_path)}
    type_in(TUTORIALS / f"{kind}.en.md", env, 300)
