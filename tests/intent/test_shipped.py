"""The shipped model is for the shipped encoder and as good as its card says."""

import json
from pathlib import Path

import pytest

from encoder.cached import CachedEncoder
from encoder.shipped import load_encoder
from intent.classifier import Classifier, IntentModel
from intent.corpus import Split, corpus_hash, load_corpus
from intent.evaluate import report

MODEL = Path(__file__).parents[2] / "intent" / "model"


@pytest.mark.slow
def test_the_card_tells_the_truth(tmp_path: Path) -> None:
    card = json.loads((MODEL / "card.json").read_text(encoding="utf-8"))
    encoder = CachedEncoder(load_encoder(tmp_path))
    triage = Classifier(encoder, IntentModel.load(encoder))
    test = [u for u in load_corpus() if u.split is Split.TEST]
    said = report(test, triage.classify_many([u.text for u in test], [u.previous for u in test]))
    for language in ("zh", "en"):
        for figure in ("accuracy", "family_accuracy", "answered"):
            assert said[language][figure] == pytest.approx(card["test"][language][figure], abs=0.01)
        assert card["test"][language]["ece"] <= 0.05


def test_the_card_names_the_corpus_it_was_trained_on() -> None:
    card = json.loads((MODEL / "card.json").read_text(encoding="utf-8"))
    assert card["corpus_sha256"] == corpus_hash()
