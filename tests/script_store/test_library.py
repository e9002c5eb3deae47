"""A library answers from its scripts in force and from nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import EncoderMismatch
from encoder.types import Vectors
from script_store.library import Library, build_library
from script_store.types import Match, NoMatch, ScriptContent, ScriptVersion
from tests.script_store.samples import CALIBRATION, CAMPAIGN, WordingEncoder, versions


def library(
    found: list[ScriptVersion] | None = None,
    encoder: WordingEncoder | None = None,
    vectors: dict[str, Vectors] | None = None,
) -> Library:
    chosen = versions() if found is None else found
    return build_library(
        CAMPAIGN, chosen, encoder or WordingEncoder(), CALIBRATION, "box/1", vectors
    )


def test_slots_are_filled_once_when_it_is_built() -> None:
    script = library().get("price")
    assert script is not None
    assert script.text == "The box costs $24.00 a week."


def test_a_draft_finds_the_script_that_says_it() -> None:
    result = library().match(WordingEncoder(), "The box costs $24.00 a week.")
    assert isinstance(result, Match)
    assert result.candidate.key == "price"


def test_a_paraphrase_stands_for_its_script() -> None:
    result = library().match(WordingEncoder(), "You pay $24.00 for the box each week.")
    assert isinstance(result, Match)
    assert result.candidate.key == "price"


def test_nonsense_finds_nothing() -> None:
    result = library().match(WordingEncoder(), "zzz qqq 😀")
    assert isinstance(result, NoMatch)
    assert result.reason == "below_threshold"


def test_reserved_scripts_are_never_found_by_likeness() -> None:
    found = library()
    result = found.match(WordingEncoder(), "I am not sure; shall I ask a colleague?")
    assert isinstance(result, NoMatch)
    assert found.get("fallback.default") is not None
    retrieved = found.retrieve(WordingEncoder(), "Heavy snow may delay a delivery.", 10)
    assert not any(script.version.reserved for script in retrieved)


@pytest.mark.parametrize(
    ("customer", "key"),
    [
        ("how much is the box", "price"),
        ("which day does it come", "delivery"),
        ("farms near you?", "farm"),
    ],
)
def test_what_answers_a_question_is_retrieved_first(customer: str, key: str) -> None:
    found = library().retrieve(WordingEncoder(), customer, 2)
    assert found[0].version.key == key
    assert len(found) == 2


def test_the_nearest_script_of_an_intent_is_chosen() -> None:
    asked = ("is there a small box",)
    more = ScriptContent("A small box is half the price.", (), asked, "ask_price")
    found = library(versions(small=more))
    for customer, key in (("is there a small box", "small"), ("what does the box cost", "price")):
        script = found.nearest_for(WordingEncoder(), "ask_price", customer)
        assert script is not None
        assert script.version.key == key


def test_an_intent_without_scripts_has_none() -> None:
    assert library().nearest_for(WordingEncoder(), "goodbye", "bye") is None
    assert library().with_intent("goodbye") == ()


def test_a_script_whose_slot_has_no_value_is_set_aside() -> None:
    broken = ScriptContent("It is {discount} off.", intent="ask_price")
    found = library(versions(broken=broken))
    assert found.get("broken") is None
    assert "discount" in found.unusable["broken"]
    assert isinstance(found.match(WordingEncoder(), "It is {discount} off."), NoMatch)


def test_a_script_whose_risk_text_is_not_in_force_is_set_aside() -> None:
    found = library(versions(risk__weather=None))
    assert found.get("delivery") is None
    assert "risk.weather" in found.unusable["delivery"]
    assert found.get("price") is not None


def test_an_empty_library_says_so() -> None:
    found = library([])
    assert len(found) == 0
    result = found.match(WordingEncoder(), "The box costs $24.00 a week.", "how much")
    assert isinstance(result, NoMatch)
    assert result.reason == "empty_library"
    assert found.retrieve(WordingEncoder(), "how much", 5) == ()


def test_another_encoder_is_refused() -> None:
    with pytest.raises(EncoderMismatch):
        library().match(WordingEncoder("other"), "The box costs $24.00 a week.")


def test_ready_vectors_are_not_made_again() -> None:
    first = WordingEncoder()
    library(encoder=first)
    ready = dict(zip(first.encoded, WordingEncoder().encode(first.encoded), strict=True))
    second = WordingEncoder()
    library(encoder=second, vectors=ready)
    assert second.encoded == []


def test_ready_vectors_of_another_shape_are_refused() -> None:
    encoder = WordingEncoder()
    library(encoder=encoder)
    short = dict.fromkeys(encoder.encoded, np.ones(3, dtype=np.float32))
    with pytest.raises(EncoderMismatch):
        library(vectors=short)


def test_the_campaigns_own_threshold_wins() -> None:
    strict = build_library(
        replace(CAMPAIGN, threshold=1.0), versions(), WordingEncoder(), CALIBRATION, "box/1"
    )
    assert library().threshold == CALIBRATION.threshold
    assert strict.threshold == 1.0
    assert isinstance(strict.match(WordingEncoder(), "The box costs a lot."), NoMatch)
