"""The model's files are checked, odd messages never crash, and torch stays away."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import ArtifactError
from intent.classifier import Classifier, IntentModel
from intent.corpus import Utterance
from intent.evaluate import choose_threshold, expected_calibration_error, report
from intent.features import message_grams, previous_grams
from intent.types import INTERESTED, Label, family
from tests.intent.small import HashEncoder, small_corpus, write_corpus


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained model that a test may spoil."""
    return shutil.copytree(trained, tmp_path / "model")


def change_card(folder: Path, **values: str) -> None:
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    (folder / "card.json").write_text(json.dumps(card | values), encoding="utf-8")


def test_a_small_corpus_is_learned(trained: Path, encoder: HashEncoder) -> None:
    card = json.loads((trained / "card.json").read_text(encoding="utf-8"))
    assert card["test"]["en"]["accuracy"] > 0.9
    assert card["test"]["zh"]["accuracy"] > 0.9
    found = Classifier(encoder, IntentModel.load(encoder, trained)).classify("optout river 4")
    assert found.label is Label.OPT_OUT
    assert sum(found.scores.values()) == pytest.approx(1.0, abs=1e-4)
    assert found.scores["opt_out"] == pytest.approx(found.confidence)


def test_training_is_deterministic(trained: Path, encoder: HashEncoder, tmp_path: Path) -> None:
    from intent.train import train  # noqa: PLC0415 - loads torch

    again = train(encoder, tmp_path / "m", write_corpus(tmp_path / "c", small_corpus()), seed=3)
    assert again["sha256"] == json.loads((trained / "card.json").read_text())["sha256"]


@pytest.mark.parametrize("name", ["card.json", "model.safetensors"])
def test_a_missing_file_is_said(folder: Path, encoder: HashEncoder, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ArtifactError, match="cannot be read"):
        IntentModel.load(encoder, folder)


def test_a_changed_byte_is_found(folder: Path, encoder: HashEncoder) -> None:
    raw = bytearray((folder / "model.safetensors").read_bytes())
    raw[-1] ^= 1
    (folder / "model.safetensors").write_bytes(bytes(raw))
    with pytest.raises(ArtifactError, match="corrupt"):
        IntentModel.load(encoder, folder)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"sha256": 3}', '"x"'])
def test_a_broken_card_is_said(folder: Path, encoder: HashEncoder, text: str) -> None:
    (folder / "card.json").write_text(text, encoding="utf-8")
    with pytest.raises(ArtifactError):
        IntentModel.load(encoder, folder)


def test_a_card_without_a_field_is_said(folder: Path, encoder: HashEncoder) -> None:
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    del card["temperature"]
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(ArtifactError, match="temperature"):
        IntentModel.load(encoder, folder)


def test_another_encoder_is_refused(folder: Path) -> None:
    with pytest.raises(ArtifactError, match="trained on hash@1"):
        IntentModel.load(HashEncoder(version="2"), folder)


def test_other_features_are_refused(folder: Path, encoder: HashEncoder) -> None:
    change_card(folder, features="0")
    with pytest.raises(ArtifactError, match="features 0"):
        IntentModel.load(encoder, folder)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "👍",
        "?",
        "\ufffd",
        "a" * 10_000,
        "多少钱" * 3_400,
        "كم سعر التأمين؟",
        "ราคาเท่าไหร่",
        "\u200b",
    ],
)
@pytest.mark.parametrize("previous", [None, "", "Shall I go on?", "…", "要我继续吗？" * 500])
def test_odd_messages_get_an_answer(
    trained: Path, encoder: HashEncoder, text: str, previous: str | None
) -> None:
    found = Classifier(encoder, IntentModel.load(encoder, trained)).classify(text, previous)
    assert 0 <= found.confidence <= 1
    assert found.label in set(Label)


def test_a_batch_says_what_single_messages_say(trained: Path, encoder: HashEncoder) -> None:
    triage = Classifier(encoder, IntentModel.load(encoder, trained))
    texts, before = ["affirm tiger 1", "甲甲天地3", ""], ["Ready?", None, None]
    for many, text, previous in zip(
        triage.classify_many(texts, before), texts, before, strict=True
    ):
        one = triage.classify(text, previous)
        assert (one.label, one.abstain) == (many.label, many.abstain)
        assert one.confidence == pytest.approx(many.confidence, abs=1e-5)
    assert triage.classify_many([], []) == []


def test_classifying_imports_no_torch() -> None:
    code = "import sys, intent.classifier, intent.features; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own interpreter


def test_the_question_of_our_message_is_what_counts() -> None:
    found = previous_grams("The price is 30. Shall I book it?")
    assert {"p", "p?", "p|w:book"} <= found
    assert "p|w:price" not in found
    assert "p?" not in previous_grams("Thank you.")


def test_short_messages_are_known_as_a_whole() -> None:
    assert "==ok" in message_grams("OK")
    assert not [g for g in message_grams("a much longer message") if g.startswith("==")]


def test_interested_labels_are_one_family() -> None:
    assert family(Label.ASK_PRICE) == INTERESTED
    assert family(Label.OPT_OUT) == {Label.OPT_OUT}


def test_threshold_keeps_the_tolerance() -> None:
    confidences, right = [0.9, 0.8, 0.7, 0.6, 0.5], [True, True, True, False, False]
    assert choose_threshold(confidences, right, 0.25) == 0.6
    assert choose_threshold(confidences, right, 0.0) == 0.7
    assert choose_threshold([0.9], [False], 0.1) == 1.0


def test_calibration_error_is_the_gap() -> None:
    assert expected_calibration_error([0.75] * 4, [True, True, True, False]) == pytest.approx(0)
    assert expected_calibration_error([1.0, 1.0], [True, False]) == pytest.approx(0.5)


def test_report_counts_precision_and_recall(trained: Path, encoder: HashEncoder) -> None:
    triage = Classifier(encoder, IntentModel.load(encoder, trained))
    texts = ["optout river 4", "optout stone 5", "greeting lemon 9"]
    labels = [Label.OPT_OUT, Label.GREETING, Label.GREETING]
    said = report(
        [Utterance(t, label, "en") for t, label in zip(texts, labels, strict=True)],
        triage.classify_many(texts, [None] * 3),
    )["en"]
    assert said["messages"] == 3
    assert said["recall"] == {"greeting": 0.5, "opt_out": 1.0}
    assert said["precision"] == {"greeting": 1.0, "opt_out": 0.5}
