"""The report says what the bundle says, in two languages, and nothing that a device said can act in it."""

from __future__ import annotations

import errno
import os
import re
import time
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from checks.bundle.writer import write_bundle
from checks.model import Coverage, Status
from checks.report.build import build_report, escape_css
from checks.report.translations import PROVENANCE, STATUS, Words
from core import signing
from core.errors import RackproofError
from tests.evidence.sample import SPEED, Sample, papers, sample
from tests.support import require

EVIL = "<script>alert(1)</script>{{ 7*7 }}\x1b[31m\u202e\"'><img src=x onerror=alert(1)> </style></pre>]]>"
VOID = {"meta", "img", "br", "input", "link", "hr", "use", "path", "circle"}


class Page(HTMLParser):
    """What a browser would see: elements with their attributes, the text outside style and script."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.stack: list[str] = []
        self.feed(html)
        self.close()
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.stack.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.stack):
            self.words.append(data)

    def all(self, tag: str, css: str = "") -> list[dict[str, str]]:
        found = [attrs for name, attrs in self.elements if name == tag]
        return [attrs for attrs in found if not css or css in attrs.get("class", "").split()]


@dataclass
class Built(Sample):
    """A sample and the pages made of it, by language."""

    html: dict[str, str]
    out: Path


def report(
    made: Sample, folder: Path, languages: tuple[str, ...] = ("vi", "en"), trusted: bool = True
) -> dict[str, str]:
    bundle = write_bundle(made.run, made.store, made.estate_dir, made.ws, requirements_dir=made.requirements_dir)
    key = signing.load_or_create_key(made.ws.signing_key).public_key() if trusted else None
    build_report(bundle, folder, key, languages)
    return {language: (folder / f"report.{language}.html").read_text("utf-8") for language in languages}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    root = tmp_path_factory.mktemp("report")
    made = sample(root, 14, signed=papers())
    return Built(**vars(made), html=report(made, root / "out"), out=root / "out")


@pytest.mark.parametrize("language", ["vi", "en"])
def test_structure_and_self_containment(built: Built, language: str) -> None:
    html = built.html[language]
    page = Page(html)
    assert page.stack == []
    ids = [attrs["id"] for _tag, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for section in ("summary", "attention", "scoreboard", "requirements", "papers", "evidence", "check"):
        assert section in ids
    for attrs in (*page.all("a"), *page.all("use")):
        target = attrs["href"]
        assert target[1:] in ids if target.startswith("#") else (built.out / target).is_file(), target
    assert page.all("html")[0]["lang"] == language
    assert not page.all("script") and not page.all("img") and not page.all("link") and not page.all("iframe")
    assert not re.search(r"(src\s*=|url\(|@import|https?://|javascript:)", html)
    assert "default-src 'none'" in next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    assert len(page.all("article", "card")) == len(built.run.requirements)
    assert len(page.all("blockquote")) == len(built.run.requirements)
    assert all(quote["lang"] == "vi" for quote in page.all("blockquote"))


def test_every_verdict_is_there_and_only_a_pass_is_green(built: Built) -> None:
    html = built.html["vi"]
    rows = re.findall(r'<tr data-status="(\w+)">\s*<td><span class="status s-(\w+)">', html)
    assert sorted(shown for shown, _ in rows) == sorted(verdict.status.value for verdict in built.run.verdicts)
    assert all(shown == painted for shown, painted in rows)
    statuses = {verdict.status for verdict in built.run.verdicts}
    assert {Status.PASS, Status.UNREACHABLE, Status.STALE, Status.NOT_ASSESSED, Status.WAIVED} <= statuses
    words = Words("vi")
    for status in statuses:
        assert words.say(STATUS[status]) in Page(html).text  # never colour alone


def test_what_an_auditor_looks_for_is_there_in_words(built: Built) -> None:
    text = {language: Page(html).text for language, html in built.html.items()}
    for language, page in text.items():
        words = Words(language)
        assert "Trang bị mạng đường trục, mạng lõi tốc độ tối thiểu 1Gbps" in page  # the clause, in Vietnamese
        for code in "SRP":
            assert words.say(PROVENANCE[code]) in page
        assert words.say("overdue") in page
        assert built.run.id in page
    assert "Mạng đường trục, mạng lõi (QH-3-DIST-CORE-1G)" in text["vi"]
    assert "Backbone and core at QH-3-DIST-CORE-1G" in text["en"]
    assert "không phải quy định pháp luật" in text["vi"] and "not law" in text["en"]
    assert "31/12/2025" in text["vi"] and "31 December 2025" in text["en"]
    assert "08:30:00, 20/11/2026" in text["vi"]  # Vietnam's time


def test_score_and_coverage_stand_side_by_side_and_agree_with_the_run(built: Built) -> None:
    page = Page(built.html["vi"])
    coverage = built.run.coverage
    assert f"{coverage.passed} trên {coverage.in_scope} trong phạm vi" in page.text
    board = require(re.search(r'<table class="board">.*?</table>', built.html["vi"], re.DOTALL)).group()
    rows = re.findall(r'<tr class="(?:tier|site)">.*?</tr>', board, re.DOTALL)
    assert len(rows) == 14 + 3
    assert all(len(re.findall('<td class="num">', row)) == 3 for row in rows)


def test_waivers_are_counted_apart_and_bad_papers_do_not_count(built: Built) -> None:
    text = Page(built.html["vi"]).text
    assert "Miễn trừ có thời hạn 1" in text
    assert "người phê duyệt: Trần Văn B" in text and "Phó Cục trưởng" in text
    assert "Đã hết hạn" in text and "Không rõ người ký" in text
    assert "quý I" in text and "&lt;b&gt;quý I" in built.html["vi"]


def test_vietnamese_page_has_no_english_sentence_of_ours(built: Built) -> None:
    from core.catalogue import extract_domain

    text = Page(built.html["vi"]).text
    for message in extract_domain("checks"):
        if isinstance(message.id, str) and len(message.id) > 12 and "%(" not in message.id:
            assert message.id not in text, message.id


def test_nothing_that_a_device_or_a_file_says_can_act_in_the_page(tmp_path: Path) -> None:
    evil = EVIL.replace("\x1b", "").replace("\u202e", "")  # an estate refuses what is not seen
    raws = {"s003": b"ifHighSpeed=100 Mbit/s " + EVIL.encode() + b"\x00\xff\n", "s005": EVIL.encode() + b"=1000 Mbit/s"}
    source = "snmpget {} " + EVIL.replace("{{ 7*7 }}", "")
    made = sample(tmp_path, 14, title=evil, signed=papers(), source=source, raws=raws)
    for html in report(made, tmp_path / "out").values():
        page = Page(html)
        assert page.stack == []
        assert not page.all("script") and not page.all("img")
        assert len(page.all("style")) == 1
        assert not [name for _tag, attrs in page.elements for name in attrs if name.startswith("on")]
        assert "49" not in re.findall(r"</script>(\d+)", html)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", html)
        assert "&lt;script&gt;alert(1)" in html
        style = require(re.search(r"<style>.*?</style>", html, re.DOTALL)).group()
        assert "alert" not in style.replace(str(escape_css(evil)), "")


@pytest.mark.parametrize("sites", [1, 397])
def test_any_size_renders(tmp_path: Path, sites: int) -> None:
    made = sample(tmp_path, sites)
    started = time.process_time()
    html = report(made, tmp_path / "out")["vi"]
    assert time.process_time() - started < 8
    assert len(html) < 6_000_000
    assert Page(html).stack == []
    assert html.count('<tr class="site">') == sites


def test_a_run_that_judged_nothing_is_not_green(tmp_path: Path) -> None:
    made = sample(tmp_path, 1)
    made.run = replace(made.run, verdicts=(), evidence=(), requirements=(), coverage=Coverage(0, 0, 0, 0))
    html = report(made, tmp_path / "out")
    text = Page(html["en"]).text
    assert "This run judged nothing." in text
    assert "every requirement in scope is met" not in text and "100%" not in text
    assert "Nothing: every requirement" not in Page(html["vi"]).text


def test_a_partial_run_says_that_it_is_one(tmp_path: Path) -> None:
    made = sample(tmp_path, 14)
    some = tuple(verdict for verdict in made.run.verdicts if verdict.site == "s001" and verdict.requirement == SPEED)
    made.run = replace(
        made.run,
        verdicts=some,
        requirements=(SPEED,),
        selection={"sites": ["s001"], "requirements": [SPEED], "drill": False},
    )
    text = {language: Page(html).text for language, html in report(made, tmp_path / "out").items()}
    assert "1 of 1 in scope" in text["en"] and "Score 100%" in text["en"]  # true, and said what it is worth:
    assert "A partial run" in text["en"] and "13 sites were not looked at: s000, s002" in text["en"]
    assert "2 requirements were not judged: QH-3-DC-TIER3, QH-3-PROV-ROOM-COOL" in text["en"]
    assert "13 điểm không được đánh giá" in text["vi"] and "Không diễn tập khôi phục" in text["vi"]


def test_a_whole_run_says_nothing_of_the_kind(built: Built) -> None:
    assert "Kiểm tra từng phần" not in Page(built.html["vi"]).text


def test_no_report_is_made_of_a_broken_bundle(tmp_path: Path) -> None:
    made = sample(tmp_path, 3)
    bundle = write_bundle(made.run, made.store, made.estate_dir, made.ws, requirements_dir=made.requirements_dir)
    (bundle / "verdicts.json").write_bytes((bundle / "verdicts.json").read_bytes().replace(b"fail", b"pass"))
    (bundle / "notes.txt").write_text("x")
    with pytest.raises(RackproofError, match="RPT001"):
        build_report(bundle, tmp_path / "out", None, ["vi"])
    assert not (tmp_path / "out").exists()


def test_a_disk_that_fills_up_at_the_pages_leaves_report_and_evidence_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy of the evidence is there by then, and must not stand beside pages of another run."""
    made = sample(tmp_path, 1)
    bundle = write_bundle(made.run, made.store, made.estate_dir, made.ws, requirements_dir=made.requirements_dir)
    out = tmp_path / "out"
    for name in ("report.vi.html", "evidence/manifest.json"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("of an earlier run")

    def refuse(_descriptor: int, _data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("core.files.os.write", refuse)
    with pytest.raises(RackproofError, match="FIL001"):
        build_report(bundle, out, None, ["vi"])
    kept = {str(path.relative_to(out)): path.read_text() for path in out.rglob("*") if path.is_file()}
    assert kept == {"report.vi.html": "of an earlier run", "evidence/manifest.json": "of an earlier run"}


def test_doubt_about_the_signer_is_said_on_the_first_page(tmp_path: Path) -> None:
    made = sample(tmp_path, 1)
    html = report(made, tmp_path / "out", trusted=False)["en"]
    assert '<div class="seal doubt' in html
    assert "signed by a key that nobody vouched for here" in html


def test_the_evidence_beside_the_report_verifies_on_its_own(built: Built) -> None:
    from checks.verify.verification import VerificationState, verify_bundle

    key = signing.load_or_create_key(built.ws.signing_key).public_key()
    assert verify_bundle(built.out / "evidence", key).state is VerificationState.VERIFIED


def test_a_share_never_rounds_up_to_everything() -> None:
    words = Words("vi")
    assert [words.share(value) for value in (None, 0, 0.5, 0.99999, 1)] == ["–", "0%", "50%", "99,9%", "100%"]
    assert words.number(12345.5) == "12.345,5" and Words("en").number(12345.5) == "12,345.5"


def test_an_overdue_requirement_is_marked_only_while_it_is_open(built: Built) -> None:
    cards = re.findall(r'<article class="card s-(\w+)[^>]*id="r-([^"]+)".*?</article>', built.html["en"], re.DOTALL)
    late = {
        name
        for _status, name in cards
        if "overdue" in require(re.search(rf'id="r-{name}".*?</dl>', built.html["en"], re.DOTALL)).group()
    }
    assert late == {SPEED}
