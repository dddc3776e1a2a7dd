"""What the tests of the network room share."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.workspace import REPOSITORY
from inventory.load.loader import load_estate
from inventory.model.estate import Estate
from tests.netconfig.world import World


@pytest.fixture(scope="session")
def small_estate() -> Estate:
    """The lab's estate, read from its files; no lab is needed."""
    return load_estate(REPOSITORY / "lab" / "estate")


@pytest.fixture
def world(small_estate: Estate, tmp_path: Path) -> World:
    """Five routers as they are before the rollout."""
    return World(small_estate, tmp_path)
