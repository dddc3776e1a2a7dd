"""The project's own register over the lab's estate with no evidence at all: everything is shown, nothing is green."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checks.bundle.writer import write_bundle
from checks.judge.engine import judge_all
from checks.judge.evidence import EvidenceView
from checks.model import MemoryRawStore, Run, Status, format_utc
from checks.register.register import load_requirements
from checks.report.build import build_report
from checks.report.translations import DOCUMENTS, GROUPS, Words
from checks.verify.verification import VerificationState
from core import signing
from core.workspace import REPOSITORY, Workspace
from inventory.load.loader import load_estate
from tests.evidence.sample import NOW

ESTATE = REPOSITORY / "lab" / "estate"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, dict[str, str], VerificationState]:
    root: Path = tmp_path_factory.mktemp("real")
    requirements = load_requirements()
    verdicts = judge_all(requirements, load_estate(ESTATE), EvidenceView([], MemoryRawStore().get), NOW)
    run = Run(
        "20261120T013000Z-none",
        "lab",
        format_utc(NOW),
        format_utc(NOW),
        format_utc(NOW),
        {},
        tuple(requirements),
        verdicts,
        (),
    )
    ws = Workspace(root / "workspace", ESTATE)
    bundle = write_bundle(run, MemoryRawStore(), ESTATE, ws)
    key = signing.load_or_create_key(ws.signing_key).public_key()
    _files, found = build_report(bundle, root / "out", key, ["vi", "en"])
    pages = {language: (root / "out" / f"report.{language}.html").read_text("utf-8") for language in ("vi", "en")}
    return run, pages, found.state


def test_without_evidence_nothing_is_green(built: tuple[Run, dict[str, str], VerificationState]) -> None:
    run, pages, state = built
    assert state is VerificationState.VERIFIED
    assert Status.PASS not in {verdict.status for verdict in run.verdicts}
    for page in pages.values():
        assert 'data-status="pass"' not in page
        assert re.search(r'<p class="value">0 <small>', page)


def test_every_requirement_is_quoted_and_explained_in_both_languages(
    built: tuple[Run, dict[str, str], VerificationState],
) -> None:
    from html import escape, unescape

    _run, pages, _state = built
    for requirement in load_requirements().values():
        for language, page in pages.items():
            card = re.search(rf'<article [^>]*id="r-{re.escape(requirement.id)}">.*?</article>', page, re.DOTALL)
            assert card, requirement.id
            text = unescape(card.group())
            assert requirement.clause.quote in text
            assert getattr(requirement.meaning, language) in text
            assert Words(language).say(DOCUMENTS[requirement.clause.document]) in text
            for threshold in requirement.thresholds:
                assert f'<span class="from {threshold.provenance.value}">' in card.group()
            assert escape(requirement.id) in page


def test_every_group_of_the_register_has_its_heading(built: tuple[Run, dict[str, str], VerificationState]) -> None:
    _run, pages, _state = built
    used = {requirement.group for requirement in load_requirements().values()}
    assert used == set(GROUPS)
    for code in used:
        assert f"{code} {Words('vi').say(GROUPS[code])}" in pages["vi"]
