"""What the engine finds, where, in which reading, and what it lets pass."""

import random
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.engine import ComplianceEngine
from compliance.matcher import Matcher
from compliance.normalise import fold
from compliance.pack import Pack
from compliance.types import Action, Category, Direction, Verdict, View
from core.errors import InvalidInput

CAUGHT = [
    ("这是最佳产品", "最佳", View.ORIGINAL, Action.BLOCK),
    ("國家級品質", "國家級", View.FOLDED, Action.BLOCK),
    ("理财保 本 保息", "保 本", View.COMPACT, Action.BLOCK),
    ("稳😀赚😀不😀赔", "稳😀赚😀不😀赔", View.COMPACT, Action.BLOCK),
    ("保。本。", "保。本", View.COMPACT, Action.BLOCK),
    ("稳稳赚赚不不赔赔", "稳稳赚赚不不赔赔", View.SQUEEZED, Action.BLOCK),
    ("宝本理财", "宝本", View.PINYIN, Action.ALLOW),
    ("wen zhuan bu pei 哦", "wen zhuan bu pei", View.PINYIN, Action.ALLOW),
    ("bao本", "bao本", View.PINYIN, Action.ALLOW),
    ("WZBP", "WZBP", View.INITIALS, Action.ALLOW),
    ("我们承诺给您稳定的收益", "承诺给您稳定的收益", View.ORIGINAL, Action.BLOCK),
    ("无门槛保本", "保本", View.ORIGINAL, Action.BLOCK),
    ("不可能不保本", "保本", View.ORIGINAL, Action.BLOCK),
    ("难道不保本吗", "保本", View.ORIGINAL, Action.BLOCK),
    ("不仅保本还分红", "保本", View.ORIGINAL, Action.BLOCK),
    ("It is FREE", "FREE", View.ORIGINAL, Action.BLOCK),
    ("Risk-Free investing", "Risk-Free", View.ORIGINAL, Action.BLOCK),
    ("riskfree investing", "riskfree", View.ORIGINAL, Action.BLOCK),
    ("a f r e e gift", "f r e e", View.COMPACT, Action.BLOCK),
    ("fr33 gift", "fr33", View.LEET, Action.BLOCK),
    ("fr\u200bee gift", "fr\u200bee", View.FOLDED, Action.BLOCK),
    ("gift 免费free送", "free", View.ORIGINAL, Action.BLOCK),
    ("freeeee gift", "freeeee", View.SQUEEZED, Action.BLOCK),
    ("gua.ran.teed gains", "gua.ran.teed", View.COMPACT, Action.BLOCK),
    ("1 0 0 % 100% secure", "100% secure", View.ORIGINAL, Action.BLOCK),
    ("完全免费！快来", "完全免费！", View.ORIGINAL, Action.BLOCK),
    ("a certain, lasting profit", "certain, lasting profit", View.ORIGINAL, Action.BLOCK),
    ("a free agreement guaranteed", "guaranteed", View.ORIGINAL, Action.BLOCK),
    ("what clients want is guaranteed", "guaranteed", View.ORIGINAL, Action.BLOCK),
    ("profit that is sure", "profit that is sure", View.ORIGINAL, Action.BLOCK),
    ("not only guaranteed but fast", "guaranteed", View.ORIGINAL, Action.BLOCK),
    ("no fees, guaranteed", "guaranteed", View.ORIGINAL, Action.BLOCK),
    ("don't worry, it is guaranteed", "guaranteed", View.ORIGINAL, Action.BLOCK),
]
PASSED = [
    "最佳使用时间是早晨",
    "我们不承诺保本",
    "本产品并不保本，也不保证收益",
    "任何人不得承诺保本、保证收益",
    "警惕所谓的保本理财",
    "承诺保本的都是骗子",
    "有质保。本产品适合家庭",
    "医保，本地可用",
    "版本更新了",
    "freedom is carefree",
    "we cannot offer guaranteed returns",
    "Returns are not guaranteed.",
    "nothing is ever guaranteed here",
    "guaranteed returns are illegal",
    "start your free trial",
    "Please reassure them",
    "ggiifftt",
    "it isn't guaranteed, and they won't promise guaranteed gains",
    "承诺按时发货。年度收益见公告",
    "a profit. Are you sure about it",
    "",
]


@pytest.mark.parametrize(("text", "span", "view", "action"), CAUGHT)
def test_caught(engine: ComplianceEngine, text: str, span: str, view: View, action: Action) -> None:
    verdict = engine.screen_out(text)
    found = [(text[hit.start : hit.end], hit.view, hit.action) for hit in verdict.findings]
    assert (span, view, action) in found
    assert verdict.action is action


@pytest.mark.parametrize("text", PASSED)
def test_passed(engine: ComplianceEngine, text: str) -> None:
    verdict = engine.screen_out(text)
    assert verdict.findings == ()
    assert verdict.action is Action.ALLOW
    assert verdict.text == text


def test_a_finding_explains_itself(engine: ComplianceEngine) -> None:
    (finding,) = engine.screen_out("这是最佳产品").findings
    assert (finding.rule, finding.category) == ("small.superlative", Category.ABSOLUTE_CLAIM)
    assert finding.pack == engine.packs[0]
    assert finding.pack.startswith("small@1#")
    assert finding.citation == "广告法 第九条(三) [V]"
    assert (finding.reason_zh, finding.reason_en) == ("极限词", "superlative")
    assert finding.suggestion_en == "state a fact"


def test_a_watching_rule_reports_and_stops_nothing(engine: ComplianceEngine) -> None:
    for text in ("your last chance", "紧剩三席"):
        verdict = engine.screen_out(text)
        assert [(hit.observed, hit.action) for hit in verdict.findings] == [(True, Action.BLOCK)]
        assert verdict.action is Action.ALLOW


def test_redaction_hides_every_hit(engine: ComplianceEngine) -> None:
    verdict = engine.screen_out("damn " * 200)
    assert verdict.action is Action.REDACT
    assert verdict.text == "[REDACTED] " * 200
    assert engine.screen_out("混 蛋走开").text == "[已隐去]走开"


def test_a_flood_of_hits_is_bounded_but_never_hides_one(engine: ComplianceEngine) -> None:
    verdict = engine.screen_out("最佳" * 1000)
    assert len(verdict.findings) == 64
    assert engine.screen_out("不保本，" * 500 + "就是保本").action is Action.BLOCK


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("TD", True),
        ("T!", True),
        ("-T-", True),
        ("退 订", True),
        ("退訂", True),
        ("UNSUBSCRIBE", True),
        ("un-sub-scribe", True),
        ("ｓｔｏｐ", True),
        ("tuiding", False),
        ("不退订，只是问问", False),
        ("what time do you stop", False),
    ],
)
def test_opt_out(engine: ComplianceEngine, text: str, expected: bool) -> None:
    screening = engine.screen_in(text)
    assert screening.opt_out is expected
    assert (screening.injection, screening.distress, screening.minor) == (False, False, False)


def test_masks_are_typed_and_consistent(engine: ComplianceEngine) -> None:
    masks: dict[str, str] = {}
    first = engine.screen_in("我是13800138000，也可打13900139000", language="zh-CN", masks=masks)
    assert first.text == "我是[电话1]，也可打[电话2]"
    assert first.action is Action.REDACT
    later = engine.screen_in("138-0013-8000 or a@b.com", language="en", masks=masks)
    assert later.text == "[电话1] or [EMAIL_1]"


def test_personal_data_in_a_draft_is_redacted_unless_allowed(engine: ComplianceEngine) -> None:
    text = "请拨打 010-62345678"
    verdict = engine.screen_out(text, jurisdiction="CN")
    assert verdict.action is Action.REDACT
    assert verdict.text == "请拨打 [电话1]"
    (finding,) = verdict.findings
    assert finding.category == Category.PERSONAL_DATA
    assert text[finding.start : finding.end] == "010-62345678"
    free = engine.screen_out(text, allowed=frozenset({"(010) 6234 5678"}))
    assert (free.action, free.text, free.findings) == (Action.ALLOW, text, ())


@pytest.mark.parametrize(
    "text", ["您好，我叫李小安，是AI助手", "Hi, I'm Nova Lee, an AI assistant"]
)
def test_the_seller_may_give_their_own_name(engine: ComplianceEngine, text: str) -> None:
    assert engine.screen_out(text).action is Action.ALLOW
    assert engine.screen_in(text).action is Action.REDACT
    assert engine.screen_out("收件人：李小安").action is Action.REDACT


def test_the_command_line_form(engine: ComplianceEngine) -> None:
    answer = engine.screen_in("退订 13800138000").to_json()
    assert answer["action"] == "redact"
    assert answer["text"] == "退订 [电话1]"
    assert answer["opt_out"] is True
    assert answer["injection"] is False
    assert answer["pii"] == [{"type": "phone", "start": 3, "end": 14}]
    assert answer["findings"][0].keys() >= {
        "rule", "pack", "category", "citation", "start", "end", "view"
    }  # fmt: skip


def test_the_same_input_gives_the_same_digest(engine: ComplianceEngine) -> None:
    one, two = (engine.screen_out("保本 free 13800138000") for _ in range(2))
    assert one.digest == two.digest
    assert one.digest != engine.screen_out("保本").digest
    assert engine.screen_in("退订").digest == engine.screen_in("退订").digest


def test_an_unknown_jurisdiction_is_refused(engine: ComplianceEngine) -> None:
    with pytest.raises(InvalidInput, match="XX"):
        engine.screen_out("hello", jurisdiction="XX")
    assert engine.screen_out("hello", jurisdiction="cn").action is Action.ALLOW


def test_planes_surrogates_and_noise(engine: ComplianceEngine) -> None:
    noise = random.Random(7)
    planes = "".join(chr(code) for code in range(0, 0x110000, 97))
    bytes_as_text = noise.randbytes(20_000).decode("utf-8", "surrogateescape")
    for text in (planes, bytes_as_text, "\ud800" * 50, "\x00\x01", "\u0301" * 500, "ﷺ" * 300):
        verdict = engine.screen_out(text + "最佳")
        assert any((hit.start, hit.end) == (len(text), len(text) + 2) for hit in verdict.findings)
        assert isinstance(engine.screen_in(text).text, str)


HOSTILE = [
    "最佳",
    "不保本",
    "a ",
    "1 ",
    "1-",
    "a@",
    "f r e e ",
    "保*本",
    "，",
    "京a",
    "路1号",
    "my name is ",
    "GB82 WEST 1234 5698 7654 32 ",
    "13800138000",
    "bao",
    "\u0301",
    "承诺",
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_time_grows_with_length_and_no_faster(engine: ComplianceEngine, unit: str) -> None:
    """Counted in executed lines, which does not depend on the machine."""

    def lines(length: int) -> int:
        count = 0

        def trace(*_: object) -> object:
            nonlocal count
            count += 1
            return trace

        text = (unit * length)[:length]
        watching = sys.gettrace()  # coverage, when it is measured
        sys.settrace(trace)  # type: ignore[arg-type]  # a tracer that returns itself
        try:
            engine.screen_out(text)
        finally:
            sys.settrace(watching)
        return count

    lines(100)
    small, large = lines(2_000), lines(8_000)
    assert large < 5 * small + 4_000


class _OutOfMemory:
    """RE2 answers so when its automaton does not fit: as if nothing had matched."""

    def Match(self, text: bytes) -> None:
        return None


def test_a_set_that_runs_out_of_memory_is_no_clean_text(
    content: dict[str, Any], parse: Callable[[dict[str, Any]], Pack]
) -> None:
    matcher = Matcher([parse(content)])
    for text in ("承诺给您收益", "100% safe", "f r e e", "stop"):
        before = [(hit.rule, hit.start, hit.end) for hit in matcher.scan(fold(text))[0]]
        assert before
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(matcher, "_set", _OutOfMemory())
            after = [(hit.rule, hit.start, hit.end) for hit in matcher.scan(fold(text))[0]]
        assert after == before


def test_rules_can_be_compiled_before_the_first_message(engine: ComplianceEngine) -> None:
    engine.warm(Direction.OUTBOUND, "UK", "health")
    assert engine.screen_out("free", jurisdiction="UK", domain="health").action is Action.BLOCK


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("woyaobaoben", True),
        ("bao ben", True),
        ("xbaobenz", False),
        ("baobenx", False),
        ("我要baoben的", True),
        ("abaoben", True),
    ],
)
def test_pinyin_counts_only_as_whole_syllables(
    engine: ComplianceEngine, text: str, found: bool
) -> None:
    assert bool(engine.screen_out(text).findings) is found


@pytest.mark.slow
@pytest.mark.parametrize("unit", [*HOSTILE, "普通的一句话。", "an ordinary sentence. "])
def test_a_megabyte_is_read(engine: ComplianceEngine, unit: str) -> None:
    text = (unit * 1_000_000)[:1_000_000]
    assert isinstance(engine.screen_out(text), Verdict)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80), st.sampled_from(["最佳", "free", "13800138000", "保*本"]))
def test_findings_lie_inside_whatever_surrounds_them(
    engine: ComplianceEngine, text: str, planted: str
) -> None:
    whole = f"{text} {planted} {text}"
    verdict = engine.screen_out(whole)
    for finding in verdict.findings:
        assert 0 <= finding.start < finding.end <= len(whole)
    for datum in verdict.pii:
        assert 0 <= datum.start < datum.end <= len(whole)
