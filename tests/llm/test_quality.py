"""Drafts that cannot be read are refused for what they are."""

import pytest

from llm.quality import examine
from llm.types import FailureReason


@pytest.mark.parametrize(
    ("text", "language", "reason"),
    [
        ("", "zh", FailureReason.EMPTY),
        (" \n\u200b", "en", FailureReason.EMPTY),
        ("价格\x00是29元", "zh", FailureReason.GARBAGE),
        ("the price \ufffd\ufffd", "en", FailureReason.GARBAGE),
        ("?!?!... 12 12", "en", FailureReason.GARBAGE),
        ("a#%$&*@!{}#%$&*@!~", "en", FailureReason.GARBAGE),
        ("好的好的好的好的好的好的好的好的", "zh", FailureReason.GARBAGE),
        ("no no no no no no no no no", "en", FailureReason.GARBAGE),
        ("您您您您您您您您您您您您您您", "zh", FailureReason.GARBAGE),
        ("The plan costs $29 a month.", "zh", FailureReason.WRONG_LANGUAGE),
        ("每月二十九元，随时可以取消。", "en", FailureReason.WRONG_LANGUAGE),
    ],
)
def test_unusable_drafts(text: str, language: str, reason: FailureReason) -> None:
    found = examine(text, language)
    assert found is not None
    assert found[0] is reason


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("每月29元，随时可以取消。", "zh"),
        ("可以用 App 或 iPhone 15 Pro Max 支付。", "zh"),
        ("OK", "zh"),
        ("It costs $29 a month, and you can cancel any time.", "en"),
        ("哈哈哈，没事的，您慢慢看。", "zh"),
        ("Ha ha, no worries.", "en"),
    ],
)
def test_usable_drafts(text: str, language: str) -> None:
    assert examine(text, language) is None
