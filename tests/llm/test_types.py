"""Generation parameters are checked together and name every one that is out of range."""

import pytest

from core.errors import InvalidInput
from llm.types import GenerationParameters


def test_the_defaults_are_the_recommended_ones() -> None:
    defaults = GenerationParameters()
    assert (defaults.temperature, defaults.top_k, defaults.top_p) == (0.95, 50, 0.95)
    assert (defaults.num_beams, defaults.max_length) == (1, 512)


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 0.0},
        {"temperature": 2.5},
        {"temperature": float("nan")},
        {"top_k": 0},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"num_beams": 0},
        {"num_beams": 4, "do_sample": True},
        {"max_new_tokens": 0},
        {"max_new_tokens": 600},
        {"max_length": 1},
        {"repetition_penalty": 0.0},
        {"no_repeat_ngram_size": -1},
        {"seed": -1},
    ],
)
def test_a_parameter_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput) as caught:
        GenerationParameters(**wrong)  # type: ignore[arg-type]  # wrong values are the subject
    assert caught.value.mend


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(InvalidInput, match=r"temperature.*top_k.*top_p"):
        GenerationParameters(temperature=9, top_k=0, top_p=2)


def test_beam_search_without_sampling_is_fine() -> None:
    assert GenerationParameters(num_beams=4, do_sample=False).num_beams == 4
