"""A draft that denies its script is vetoed, a rewording is not."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from script_store.numbers import contradiction
from script_store.polarity import clauses, flips
from script_store.slots import render
from services.calibrating import DEMO, demo_file
from services.campaign_file import to_campaign

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("draft", "script"),
    [
        ("牙科费用在保障范围内，可以报销", "牙科费用不在保障范围内"),
        ("私立医院住院的费用可以报", "私立医院住院的费用报不了"),
        ("这款产品保证续保", "这款产品不保证续保"),
        ("意外住院有等待期", "意外住院没有等待期"),
        ("您必须签字", "您不用签字"),
        ("配件不包含在价格里", "配件包含在价格里"),
        ("过了保修期维修仍然免费", "过了保修期维修要收费"),
        ("酒后驾驶造成的伤害可以赔", "酒后驾驶造成的伤害不赔"),
        ("优惠可以叠加使用", "优惠不能叠加使用"),
        ("Mobile Lite includes a hotspot", "Mobile Lite does not include a hotspot"),
        ("Mobile Lite includes a hotspot", "Mobile Lite excludes a hotspot"),
        ("Home fiber has a data cap", "Home fiber has no data cap"),
        ("You need your landlord's permission", "You don't need your landlord's permission"),
        ("The installation fee is charged", "The installation fee is waived"),
        ("The deposit is fully refundable", "The deposit is non-refundable"),
        ("We sell your browsing history", "We don't sell your browsing history"),
        ("Renting the router is required", "Renting the router is optional"),
    ],
)
def test_a_denial_is_vetoed_whichever_side_makes_it(draft: str, script: str) -> None:
    assert flips(draft, (script,)) == "polarity"
    assert flips(script, (draft,)) == "polarity"


@pytest.mark.parametrize(
    ("draft", "script"),
    [
        ("牙科费用属于免责，报不了", "牙科费用不在保障范围内"),
        ("这个费用您无需另付", "这个费用不用您另外付"),
        ("赔不赔看合同约定", "能不能赔要看合同"),
        ("不是的，等待期内生病住院不赔", "等待期内因病住院的费用报不了"),
        ("不受社保目录的限制", "不限社保目录"),
        ("不仅能住院报，手术费也报", "住院和手术费都能报"),
        ("不会因为理赔过而拒绝您续保", "理赔过也可以续保"),
        ("There's no cap on home fiber", "Home fiber is uncapped"),
        ("No permission is needed", "You don't need permission"),
        ("You're not required to rent our router", "Renting our router is optional"),
        ("That costs you nothing", "That is free of charge"),
        ("Not only home fiber, mobile works as well", "Home fiber and mobile both work"),
        ("Outages happen with us too, I won't deny it", "Outages happen with us too"),
        ("Hotspot isn't part of Lite", "Lite does not include a hotspot"),
    ],
)
def test_a_rewording_is_not_vetoed(draft: str, script: str) -> None:
    assert flips(draft, (script,)) is None
    assert flips(script, (draft,)) is None


@pytest.mark.parametrize(
    ("text", "axis", "sign"),
    [
        ("不收费", "money", -1),
        ("要收费", "money", 1),
        ("不用预约", "need", -1),
        ("需要预约", "need", 1),
        ("报销没有上限", "limit", -1),
        ("报不了门诊", "yes", -1),
        ("可以报门诊", "yes", 1),
        ("if it is not returned", "if yes", -1),
        ("no fee applies", "money", -1),
        ("nobody has to be home", "need", -1),
        ("it can't be left out of the order", "need", 1),
        ("you can't bring it", "yes", -1),
    ],
)
def test_a_clause_stands_on_its_side(text: str, axis: str, sign: int) -> None:
    (clause,) = clauses(text)
    assert clause.signs[axis] == sign


def test_a_paraphrase_that_says_the_same_outweighs_one_that_reads_otherwise() -> None:
    script = ("续保需要您本人确认", "续保不会自动扣费")
    assert flips("续保需要本人确认", script) is None
    assert flips("续保不需要本人确认", script) == "polarity"


def test_without_statements_nothing_is_vetoed() -> None:
    assert flips("不赔", ()) is None


def vetoed(draft: str, statements: tuple[str, ...]) -> bool:
    return (contradiction(draft, statements) or flips(draft, statements)) is not None


def shipped_rates(language: str) -> dict[str, float]:
    """Share of the shipped pairs vetoed, by kind."""
    parsed = demo_file(DEMO[language])
    campaign = to_campaign(parsed)
    scripts = {
        e.key: (render(e.text, campaign.catalogue, campaign.language), *e.paraphrases)
        for e in parsed.scripts
    }
    verdicts: dict[str, list[bool]] = {}
    path = ROOT / "script_store" / "pairs" / f"{language}.jsonl"
    for line in path.read_text(encoding="utf-8").splitlines():
        pair = json.loads(line)
        key = pair["key"] or pair.get("opposes")
        if key:
            verdicts.setdefault(pair["kind"], []).append(vetoed(pair["draft"], scripts[key]))
    return {kind: sum(found) / len(found) for kind, found in verdicts.items()}


def cluster_rate(language: str) -> float:
    """Share of the meaning clusters' wordings vetoed against their cluster's other wordings."""
    verdicts = []
    for path in sorted((ROOT / "encoder" / "corpus").glob("clusters_*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            words = json.loads(line)[language]
            for place, word in enumerate(words):
                others = (*words[:place], *words[place + 1 :])
                verdicts.append(vetoed(word, others))
    assert len(verdicts) > 4000
    return sum(verdicts) / len(verdicts)


# The shipped pairs, both splits together; what was reached, less a pair or two.
@pytest.mark.parametrize(("language", "denials"), [("zh", 0.78), ("en", 0.7)])
def test_shipped_paraphrases_pass_and_denials_do_not(language: str, denials: float) -> None:
    rates = shipped_rates(language)
    assert rates["paraphrase"] <= 0.05
    assert rates["number"] >= 0.95
    assert rates["negation"] >= denials


@pytest.mark.parametrize("language", ["zh", "en"])
def test_wordings_of_one_meaning_are_rarely_vetoed(language: str) -> None:
    assert cluster_rate(language) <= 0.03


@given(st.text(), st.text())
def test_any_text_is_judged_without_an_error(draft: str, script: str) -> None:
    assert flips(draft, (script,)) in {None, "polarity"}


LEXICON = "不 没有 可以 赔 免费 需要 住院 费用 ， 。 如果 not no can the fee is covered need , if"


@given(st.lists(st.sampled_from(LEXICON.split()), max_size=24).map("".join))
def test_a_text_never_denies_itself(text: str) -> None:
    assert flips(text, (text,)) is None
