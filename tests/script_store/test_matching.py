"""Evidence becomes a probability, and a probability a script or none."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from script_store.matching import (
    FEATURES,
    Calibration,
    Evidence,
    bigram_overlap,
    choose,
    features,
    probability,
)
from script_store.types import Match, NoMatch

CALIBRATION = Calibration(dict.fromkeys(FEATURES, 0.0) | {"draft": 10.0}, -5.0, 0.9)

cosines = st.floats(-1, 1)
evidences = st.lists(
    st.builds(
        Evidence,
        version_id=st.uuids().map(str),
        key=st.text("abc", min_size=1, max_size=3),
        statements=st.just(("It costs $24 a week.",)),
        intent=st.sampled_from([None, "ask_price"]),
        draft=cosines,
        question=cosines,
        lexical=st.floats(0, 1),
    ),
    max_size=8,
    unique_by=lambda item: item.key,
)
calibrations = st.builds(
    Calibration,
    st.fixed_dictionaries({name: st.floats(-1e3, 1e3) for name in FEATURES}),
    st.floats(-1e3, 1e3),
    st.floats(0, 1),
    question_margin=st.floats(0, 2),
)


def script(key: str, draft: float, *said: str, question: float = 0.0) -> Evidence:
    return Evidence(f"{key}-1", key, said or (f"About {key}.",), None, draft, question)


@given(evidences, calibrations)
def test_a_probability_is_one(found: list[Evidence], calibration: Calibration) -> None:
    for row in features(found, "ask_price"):
        assert 0 <= probability(row, calibration) <= 1


@given(evidences, calibrations, st.randoms())
def test_the_order_of_the_evidence_does_not_matter(
    found: list[Evidence], calibration: Calibration, random: object
) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
    draft = "It costs $25 a week."
    assert choose(draft, shuffled, calibration) == choose(draft, found, calibration)


@given(evidences, calibrations)
def test_what_is_served_is_over_the_threshold_and_not_vetoed(
    found: list[Evidence], calibration: Calibration
) -> None:
    result = choose("It costs $24 a week.", found, calibration)
    if isinstance(result, Match):
        assert result.candidate.veto is None
        assert result.candidate.probability >= result.threshold == calibration.threshold
    else:
        assert result.reason in {"empty_library", "below_threshold", "vetoed"}
        assert (result.reason == "vetoed") == (result.veto is not None)


def test_no_evidence_is_an_empty_library() -> None:
    assert choose("anything", [], CALIBRATION) == NoMatch("empty_library", 0.9, ())


def test_the_most_probable_script_is_served() -> None:
    result = choose("", [script("a", 0.7), script("b", 0.9), script("c", 0.8)], CALIBRATION)
    assert isinstance(result, Match)
    assert result.candidate.key == "b"
    assert [c.key for c in result.candidates] == ["b", "c", "a"]


def test_equal_probabilities_are_settled_by_key() -> None:
    result = choose("", [script("b", 0.9), script("a", 0.9)], CALIBRATION)
    assert isinstance(result, Match)
    assert result.candidate.key == "a"


def test_below_the_threshold_nothing_is_served() -> None:
    result = choose("", [script("a", 0.7)], CALIBRATION)
    assert isinstance(result, NoMatch)
    assert result.reason == "below_threshold"
    assert [c.key for c in result.candidates] == ["a"]


def test_a_campaign_may_have_its_own_threshold() -> None:
    assert isinstance(choose("", [script("a", 0.7)], CALIBRATION, threshold=0.8), Match)
    assert isinstance(choose("", [script("a", 0.9)], CALIBRATION, threshold=1.0), NoMatch)


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        ("The box costs $19 a week.", "The box costs $24.00 a week."),
        ("You cannot cancel at any time.", "You can cancel at any time."),
        ("随时都不可以退订。", "随时都可以退订。"),
        ("保费每年1280元。", "保费每年1820元。"),
    ],
)
def test_a_contradicted_script_is_vetoed(draft: str, said: str) -> None:
    result = choose(draft, [script("a", 0.95, said)], CALIBRATION)
    assert isinstance(result, NoMatch)
    assert result.reason == "vetoed"
    assert result.veto
    assert result.candidates[0].veto == result.veto


def test_the_next_script_stands_in_for_a_vetoed_one() -> None:
    wrong = script("a", 0.99, "The box costs $24.00 a week.")
    right = script("b", 0.95, "The small box costs $19 a week.")
    result = choose("The box costs $19 a week.", [wrong, right], CALIBRATION)
    assert isinstance(result, Match)
    assert result.candidate.key == "b"
    assert result.candidates[0].veto


def test_a_script_that_answers_another_question_is_vetoed() -> None:
    strict = replace(CALIBRATION, question_margin=0.3)
    drafted = script("a", 0.95, question=0.1)
    asked = script("b", 0.2, question=0.8)
    result = choose("About a.", [drafted, asked], strict)
    assert isinstance(result, NoMatch)
    assert result.veto == "question"
    assert isinstance(choose("About a.", [drafted, asked], CALIBRATION), Match)


def test_only_the_best_five_are_shown() -> None:
    found = [script(str(number), 0.95 - number / 100) for number in range(9)]
    assert len(choose("", found, CALIBRATION).candidates) == 5


def test_leads_are_measured_to_the_best_other() -> None:
    rows = features([script("a", 0.9, question=0.1), script("b", 0.6, question=0.5)], None)
    assert rows[0]["draft_lead"] == pytest.approx(0.3)
    assert rows[1]["draft_lead"] == pytest.approx(-0.3)
    assert rows[0]["question_lead"] == pytest.approx(-0.4)
    assert rows[0]["lead"] == pytest.approx(-0.1)
    alone = features([script("a", 0.9)], None)[0]
    assert alone["draft_lead"] == pytest.approx(0.9)


def test_the_intent_counts_where_it_agrees() -> None:
    item = Evidence("a-1", "a", (), "ask_price")
    assert [features([item], intent)[0]["intent"] for intent in ("ask_price", "deny", None)] == [
        1.0,
        0.0,
        0.0,
    ]


@pytest.mark.parametrize(
    ("left", "right", "share"),
    [("abc", "ABC", 1), ("abc", "xyz", 0), ("", "abc", 0), ("多少钱", "多少", 1), ("a", "a", 0)],
)
def test_shared_wording(left: str, right: str, share: float) -> None:
    assert bigram_overlap(left, right) == share


@given(st.text(), st.text())
def test_shared_wording_is_a_share_and_goes_both_ways(left: str, right: str) -> None:
    assert 0 <= bigram_overlap(left, right) == bigram_overlap(right, left) <= 1
