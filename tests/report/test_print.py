"""The report through a real browser: A4 pages, every verdict on paper, a picture. Chromium is where the lab is."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import pytest

from checks.bundle.writer import write_bundle
from checks.report.build import build_report
from checks.report.chromium import find_chromium, print_pdf, take_picture
from core.errors import RackproofError
from tests.evidence.sample import papers, sample

pytestmark = [pytest.mark.lab, pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine")]


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("print")
    made = sample(root, 24, signed=papers())
    bundle = write_bundle(made.run, made.store, made.estate_dir, made.ws, requirements_dir=made.requirements_dir)
    build_report(bundle, root / "out", None, ["vi"])
    return root / "out" / "report.vi.html"


def test_it_prints_to_a4_with_every_verdict_on_paper(html: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.pdf"
    print_pdf(html, target)
    data = target.read_bytes()
    boxes = set(re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", data))
    assert boxes and all(abs(float(w) - 595) < 2 and abs(float(h) - 842) < 2 for w, h in boxes)
    folded = tmp_path / "folded.html"
    folded.write_text(html.read_text("utf-8").replace("::details-content", "::nothing"), "utf-8")
    print_pdf(folded, tmp_path / "folded.pdf")
    assert drawn(data) > drawn((tmp_path / "folded.pdf").read_bytes())  # what is folded on screen is open on paper


def test_it_has_a_picture(html: Path, tmp_path: Path) -> None:
    take_picture(html, tmp_path / "deep" / "report.png")
    assert (tmp_path / "deep" / "report.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "deep" / "report.png").stat().st_size > 20_000


def test_a_picture_of_another_form_is_refused_before_chromium_waits(html: Path, tmp_path: Path) -> None:
    with pytest.raises(RackproofError) as caught:
        take_picture(html, tmp_path / "report")
    assert caught.value.code == "RPT012"


def drawn(pdf: bytes) -> int:
    """Count the text-showing operators of all pages."""
    total = 0
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        try:
            total += len(re.findall(rb"T[jJ]\b", zlib.decompress(stream)))
        except zlib.error:
            continue
    return total
