"""Numbers that contradict a script are named, the same number in other words is not."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from script_store.numbers import contradiction, quantities
from script_store.numerals import chinese, english
from script_store.slots import render
from services.calibrating import DEMO, demo_file
from services.campaign_file import to_campaign

PAIRS = Path(__file__).parents[2] / "script_store" / "pairs"


def statements_by_key(language: str) -> dict[str, tuple[str, ...]]:
    parsed = demo_file(DEMO[language])
    campaign = to_campaign(parsed)
    return {
        entry.key: (
            render(entry.text, campaign.catalogue, campaign.language),
            *entry.paraphrases,
        )
        for entry in parsed.scripts
    }


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("三十", 30),
        ("十五", 15),
        ("两百", 200),
        ("三百五", 350),
        ("一千零二十", 1020),
        ("十三万八", 138_000),
        ("二〇二六", 2026),
        ("一亿二千万", 120_000_000),
        ("五六", None),
    ],
)
def test_a_chinese_numeral_has_its_value(word: str, value: int | None) -> None:
    assert chinese(word) == value


def test_english_number_words_have_their_value() -> None:
    assert english(["two", "hundred", "and", "five", "thousand"]) == 205_000
    assert english(["thirty", "five"]) == 35


@pytest.mark.parametrize(
    ("draft", "script"),
    [
        ("免赔额1万元", "免赔额是10,000元"),
        ("离地铁三公里五分钟车程", "距离地铁3公里，开车5分钟"),
        ("身高一米六以下选小码", "160cm以下选小码"),
        ("坑深超过两公分半", "凹陷超过2.5厘米"),
        ("half a mile? no, 5 miles out", "within five miles"),
        ("免赔额一万块", "免赔额是10000元"),
        ("等待期一个月", "等待期30天"),
        ("犹豫期半个月", "犹豫期15天"),
        ("打八折", "便宜20%"),
        ("报销九成", "按90%报销"),
        ("报百分之九十", "按90%报销"),
        ("两年半", "30个月"),
        ("限额200万", "限额2,000,000元"),
        ("保障一年", "保障12个月"),
        ("六十周岁以内", "不超过60周岁"),
        ("只退一半", "退50%"),
        ("首年286块", "首年保费是286元"),
        ("三周左右", "15个工作日"),
        ("2026年12月31日为止", "到2026年12月31日"),
        ("下午六点打烊", "营业到18点"),
        ("the plan is $35 monthly", "Fiber is $35.00 per month"),
        ("a 12-month agreement", "a one-year agreement"),
        ("you have thirty days", "the trial is 30 days"),
        ("two weeks", "14 days"),
        ("it costs 1k dollars", "it costs $1,000"),
        ("half off", "50% off"),
        ("within 48 hours", "within 2 days"),
        ("a gigabit line", "up to 1000 Mbps"),
        ("pay only eighty percent", "20% off"),
        ("from age 65", "customers aged 65 and over"),
        ("two and a half percent", "2.5%"),
        ("December 31, 2026", "until 2026-12-31"),
    ],
)
def test_the_same_number_in_other_words_agrees(draft: str, script: str) -> None:
    assert contradiction(draft, (script,)) is None
    assert contradiction(script, (draft,)) is None


@pytest.mark.parametrize(
    ("draft", "script", "veto"),
    [
        ("一个月五十块", "每月60元", "number:money"),
        ("离墙留出五厘米", "离墙留出二十厘米", "number:cm"),
        ("声音在六十分贝左右", "声音在四十五分贝左右", "number:db"),
        ("三楼以内不加钱", "六楼以内不加钱", "number:楼"),
        ("we deliver within 10 miles", "we deliver within 25 miles", "number:mile"),
        ("a 300 litre tub", "a 900 litre tub", "number:litre"),
        ("犹豫期20天", "犹豫期15天", "number:day"),
        ("3个工作日到账", "5个工作日内到账", "number:day"),
        ("前15天、后30天", "前7天和后30天", "number:day"),
        ("收压没到180的可以", "收压没到160的可以", "number:bare"),
        ("目录里有120种药", "目录里有90种药", "number:种"),
        ("1到6类可以投", "1到4类可以投", "number:类"),
        ("28天到65周岁", "28天到60周岁", "number:age"),
        ("报四成", "按60%报销", "number:percent"),
        ("免赔额2万", "免赔额一万", "number:bare"),
        ("存二十万一年", "存二十万三年", "number:year"),
        ("早六点到晚九点", "早九点到晚六点", "number:order"),
        ("customers aged 60 and over", "customers aged 65 and over", "number:age"),
        ("takes 5 business days", "takes up to 2 business days", "number:day"),
        ("the 24-month agreement", "the 12-month agreement", "number:month"),
        ("$45 a month", "$35.00 a month", "number:money"),
        ("25% off", "15% off", "number:percent"),
        ("80% off", "20% off", "number:percent"),
        ("with 50 GB", "with 25 GB", "number:data"),
        ("up to 500 Mbps", "up to 300 Mbps", "number:speed"),
        ("Fiber 500 suits you", "Fiber 300 suits you", "number:bare"),
        ("until March 15, 2027", "until March 25, 2027", "number:date"),
    ],
)
def test_another_number_is_named(draft: str, script: str, veto: str) -> None:
    assert contradiction(draft, (script,)) == veto


@pytest.mark.parametrize(
    ("draft", "script"),
    [
        ("您两个月大的宝宝已满28天，可以投", "出生满28天可以投"),
        ("一起来看一下，一样的", "有两种可以选"),
        ("七千多没超过1万，要自付", "免赔额1万元"),
        ("For the two of you, Fiber 300 will do", "Fiber 300 is enough for a couple"),
        ("One of us will call", "We call within 2 hours"),
        ("no number here", "it is $35"),
        ("it is $35", "no number here"),
    ],
)
def test_a_number_the_script_says_nothing_about_is_no_contradiction(
    draft: str, script: str
) -> None:
    assert contradiction(draft, (script,)) is None


def test_a_value_of_any_paraphrase_will_do() -> None:
    assert contradiction("提前两周办", ("提前30天办", "提前十四天就行")) is None
    assert contradiction("提前三周办", ("提前30天办", "提前十四天就行")) == "number:week"


def test_a_quantity_knows_its_kind_and_neighbours() -> None:
    (found,) = quantities("限额3万元封顶")
    assert (found.kind, found.value, found.before, found.after) == (
        "money",
        Decimal(30_000),
        "限额",
        "封顶",
    )


@pytest.mark.parametrize("language", ["zh", "en"])
def test_shipped_number_flips_are_caught(language: str) -> None:
    scripts = statements_by_key(language)
    caught = []
    for line in (PAIRS / f"{language}.jsonl").read_text(encoding="utf-8").splitlines():
        pair = json.loads(line)
        if pair["kind"] == "number":
            caught.append(contradiction(pair["draft"], scripts[pair["opposes"]]) is not None)
    assert len(caught) >= 30
    assert sum(caught) / len(caught) >= 0.95


@pytest.mark.parametrize("language", ["zh", "en"])
def test_shipped_paraphrases_keep_their_numbers(language: str) -> None:
    scripts = statements_by_key(language)
    vetoed = []
    for line in (PAIRS / f"{language}.jsonl").read_text(encoding="utf-8").splitlines():
        pair = json.loads(line)
        if pair["kind"] in {"paraphrase", "light_edit"}:
            vetoed.append(contradiction(pair["draft"], scripts[pair["key"]]) is not None)
    assert len(vetoed) >= 100
    assert sum(vetoed) / len(vetoed) <= 0.01


ODD = (
    st.text(
        alphabet="一二两三四五六七八九十百千万亿半点分之折成年月日天个种元块第几0123456789.,%$-~ 到"
    )
    | st.text()
)


@given(ODD, ODD)
def test_any_text_is_read_without_an_error(draft: str, script: str) -> None:
    verdict = contradiction(draft, (script,))
    assert verdict is None or verdict.startswith("number:")


@given(
    st.lists(st.sampled_from(["hundred", "million", "two", "and", "half", "20", "pm", "k", "%"]))
)
def test_any_run_of_number_words_is_read(words: list[str]) -> None:
    text = " ".join(words)
    assert contradiction(text, (text,)) is None


@given(ODD)
def test_a_text_never_contradicts_itself(text: str) -> None:
    assert contradiction(text, (text,)) is None
