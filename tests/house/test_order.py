"""The tests can be run in another order: ``--shuffle SEED`` of the suite's own conftest."""

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from tests.conftest import shuffle_modules

ITEMS = [f"tests/{module}.py::test_{number}" for module in "abc" for number in range(4)]


def shuffle(seed: int) -> list[str]:
    items: list[Any] = [SimpleNamespace(nodeid=name) for name in ITEMS]
    return [item.nodeid for item in shuffle_modules(items, seed)]


def test_the_order_follows_from_the_seed_and_loses_nothing() -> None:
    assert shuffle(1) == shuffle(1)
    orders = {tuple(shuffle(seed)) for seed in range(20)}
    assert len(orders) > 1
    assert {tuple(sorted(order)) for order in orders} == {tuple(sorted(ITEMS))}


def test_the_tests_of_a_module_stay_together() -> None:
    for seed in range(20):
        modules = [name.partition("::")[0] for name in shuffle(seed)]
        changes = [one != other for one, other in pairwise(modules)]
        assert sum(changes) == 2
