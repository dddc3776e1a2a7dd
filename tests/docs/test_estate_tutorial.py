"""A new regional room and a new province, added as the tutorial says, on a copy of the whole estate; no lab."""

import os
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.docs.blocks import TUTORIALS, type_in


@pytest.mark.slow
def test_a_room_and_a_province_are_added_explained_validated_rendered_and_exported(tmp_path: Path) -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("RACKPROOF_", "ANSIBLE_"))}
    kept = {key: os.environ[key] for key in ("RACKPROOF_STATE",) if key in os.environ}
    said = type_in(TUTORIALS / "estate.en.md", {**env, **kept, "TMPDIR": str(tmp_path), "NO_COLOR": "1"}, 120)

    def of(part: str) -> CompletedProcess[str]:
        return next(result for line, result in said.items() if part in line)

    assert "did you mean 'hph-edge1'?" in of("validate  # exits 3").stderr
    assert "fd00:4b53:1f0d:2078::/64" in of("explain hph-kv13 vlans.usr.ipv6").stdout
    assert "fd00:4b53:ff80::2/128" in of("explain ttn devices.ttn-edge2").stdout
    assert "+ site ttn: new" in of("estate diff").stdout
    assert "hostname ttn-edge1" in of("net render").stdout
    assert '"rackproof_site": "ttn"' in of("ansible-inventory").stdout
    nation = tmp_path / "nation"
    assert "ttn-kv01-node1" in (nation / "hosts").read_text("utf-8")
    assert "ttn-edge1" in (nation / "assets.csv").read_text("utf-8-sig")
    assert (nation / "ttn.svg").read_text("utf-8").startswith("<svg")
    assert "fd00:4b53:8000:" in (nation / "targets" / "node.json").read_text("utf-8")
