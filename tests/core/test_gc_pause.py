"""Garbage is not looked for while very many objects are made, and an estate is set aside once."""

import gc

import pytest

from core.gc_pause import no_collection


@pytest.mark.parametrize("enabled", [True, False])
def test_only_the_first_that_stays_is_set_aside(enabled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(gc.isenabled()))
    monkeypatch.setattr(gc, "get_freeze_count", lambda: len(frozen))
    was = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        with no_collection():
            assert not gc.isenabled()
        assert (frozen, gc.isenabled()) == ([], enabled)
        for _ in range(2):
            with no_collection(stays=True):
                pass
        assert (frozen, gc.isenabled()) == ([False], enabled)
    finally:
        (gc.enable if was else gc.disable)()
