"""The paraphrase model: it learns, it is checked when loaded, and it only ever adds findings."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.engine import ComplianceEngine
from compliance.paraphrase.corpus import Sentence, load_corpus, ordinary
from compliance.paraphrase.model import ParaphraseModel, ParaphraseReader
from compliance.paraphrase.sentences import LONGEST, MOST, pieces
from compliance.paraphrase.thresholds import Judged, Recipe, choose
from compliance.paraphrase.train import train
from compliance.types import Action, Category, View
from core.errors import ArtifactError, InvalidInput
from tests.compliance.conftest import as_pack, small_pack
from tests.compliance.small import HashEncoder, record, write_corpus, write_lines

PROMISE = "The plan always doubles each week, no other way"
OPEN = "whether the plan grows on paper is open, ask us"
RECIPE = Recipe(landmarks=256)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model trained on the small corpus."""
    root = tmp_path_factory.mktemp("paraphrase")
    train(HashEncoder(), root / "model", write_corpus(root / "corpus"), recipe=RECIPE)
    return root / "model"


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return shutil.copytree(trained, tmp_path / "model")


@pytest.fixture(scope="module")
def reader(trained: Path) -> ParaphraseReader:
    """The small model beside its encoder."""
    encoder = HashEncoder()
    return ParaphraseReader(encoder, ParaphraseModel.load(encoder.identity, trained))


@pytest.fixture(scope="module")
def engine(reader: ParaphraseReader) -> ComplianceEngine:
    """Rules and model together."""
    return ComplianceEngine([as_pack(small_pack())], reader)


def test_a_small_corpus_is_learned(trained: Path) -> None:
    card = json.loads((trained / "card.json").read_text(encoding="utf-8"))
    for language in ("zh", "en"):
        assert card["test"]["stopped"]["violations"][language] > 0.8
        assert card["test"]["stopped"]["lawful"][language] < 0.1
    assert set(card["heads"]) == {"guaranteed_outcome", "false_urgency"}
    assert "profanity" in card["left_out"]
    assert all(head["enforced"] for head in card["heads"].values())


def test_training_says_the_same_twice(trained: Path, tmp_path: Path) -> None:
    card = train(HashEncoder(), tmp_path / "m", write_corpus(tmp_path / "c"), recipe=RECIPE)
    assert card == json.loads((trained / "card.json").read_text(encoding="utf-8"))


def test_a_paraphrase_is_a_finding_like_any_other(
    engine: ComplianceEngine, reader: ParaphraseReader
) -> None:
    text = f"{OPEN}. Whether our box rises for you is open, ask us. {PROMISE}!"
    verdict = engine.screen_out(text)
    (finding,) = verdict.findings
    assert verdict.action is Action.BLOCK
    assert (finding.rule, finding.view) == ("model.guaranteed_outcome", View.MODEL)
    assert finding.pack == reader.identity
    assert text[finding.start : finding.end] == PROMISE + "!"
    assert finding.score is not None
    assert 0.5 < finding.score <= 1
    assert finding.to_json()["score"] == finding.score
    assert reader.identity in verdict.packs
    assert reader.identity in engine.packs
    assert finding.citation == ""
    assert finding.reason_zh
    assert finding.reason_en


def test_it_never_clears_what_a_rule_did(engine: ComplianceEngine) -> None:
    rules = ComplianceEngine([as_pack(small_pack())])
    for text in (
        "whether the plan grows is open, ask us: it is free",
        "这是最佳产品",
        "混蛋",
        PROMISE,
    ):
        alone, both = rules.screen_out(text), engine.screen_out(text)
        assert both.findings[: len(alone.findings)] == alone.findings
        if alone.action is not Action.ALLOW:
            assert both.action is not Action.ALLOW


def test_lawful_sentences_and_customers_are_left_alone(engine: ComplianceEngine) -> None:
    assert engine.screen_out(OPEN).findings == ()
    assert engine.screen_in(PROMISE).findings == ()
    assert engine.screen_out("").findings == ()


def test_a_disguise_is_undone_before_it_is_read(engine: ComplianceEngine) -> None:
    hidden = PROMISE.replace("a", "а").replace("l", "l\u200b")
    (finding,) = engine.screen_out(hidden).findings
    assert hidden[finding.start : finding.end] == hidden


def test_an_observing_head_stops_nothing(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    card["heads"]["guaranteed_outcome"]["enforced"] = False
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    encoder = HashEncoder()
    watching = ParaphraseReader(encoder, ParaphraseModel.load(encoder.identity, folder))
    verdict = ComplianceEngine([as_pack(small_pack())], watching).screen_out(PROMISE)
    assert verdict.action is Action.ALLOW
    assert [finding.observed for finding in verdict.findings] == [True]


def test_one_encode_serves_a_text_and_its_cache(trained: Path) -> None:
    encoder = HashEncoder()
    reading = ParaphraseReader(encoder, ParaphraseModel.load(encoder.identity, trained))
    reading.opinions("您好，这是真的吗？是的！")
    reading.opinions("One. Two. Three!")
    reading.opinions(" … ")
    assert encoder.calls == [["您好，这是真的吗？是的！"], ["One.", "Two.", "Three!"]]


@given(st.text(max_size=300))
def test_pieces_lie_in_the_text_in_order(text: str) -> None:
    found = pieces(text)
    assert len(found) <= MOST
    edges = [place for piece in found for place in (piece.start, piece.end)]
    assert edges == sorted(edges)
    assert all(0 <= place <= len(text) for place in edges)
    assert all(piece.reading for piece in found)


def test_a_long_text_is_bounded() -> None:
    found = pieces("A sentence of its own. " * 100_000)
    assert len(found) == MOST
    assert sum(len(piece.reading) for piece in found) <= LONGEST


@pytest.mark.parametrize("name", ["card.json", "model.safetensors"])
def test_a_missing_file_is_said(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ArtifactError, match="cannot be read"):
        ParaphraseModel.load(HashEncoder().identity, folder)


def test_a_changed_byte_is_found(folder: Path) -> None:
    raw = bytearray((folder / "model.safetensors").read_bytes())
    raw[-1] ^= 1
    (folder / "model.safetensors").write_bytes(bytes(raw))
    with pytest.raises(ArtifactError, match="corrupt"):
        ParaphraseModel.load(HashEncoder().identity, folder)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"sha256": 3}', '"x"'])
def test_a_broken_card_is_said(folder: Path, text: str) -> None:
    (folder / "card.json").write_text(text, encoding="utf-8")
    with pytest.raises(ArtifactError):
        ParaphraseModel.load(HashEncoder().identity, folder)


@pytest.mark.parametrize("field", ["heads", "recipe", "version", "encoder"])
def test_a_card_without_a_field_is_said(folder: Path, field: str) -> None:
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    del card[field]
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(ArtifactError, match=field):
        ParaphraseModel.load(HashEncoder().identity, folder)


def test_another_encoder_is_refused(trained: Path) -> None:
    with pytest.raises(ArtifactError, match="trained on hash@1") as caught:
        ParaphraseModel.load(HashEncoder("2").identity, trained)
    assert "onscript compliance train" in caught.value.mend


def judged(scores: list[float], categories: list[frozenset[Category]]) -> Judged:
    sentences = tuple(
        Sentence(f"text {place}", "en", held) for place, held in enumerate(categories)
    )
    named = np.zeros(len(scores), dtype=np.int64)
    return Judged(np.array(scores, dtype=np.float32), named, sentences)


def test_a_threshold_lets_lawful_sentences_pass() -> None:
    wrong, lawful = frozenset({Category.RISK_FREE}), frozenset[Category]()
    held = judged([0.9] * 20 + [0.6] * 5 + [0.1] * 95, [wrong] * 20 + [lawful] * 100)
    (threshold,) = choose(held, 1, Recipe(lawful=0.96))
    assert 0.6 < threshold.score < 0.61
    assert threshold.enforced
    (threshold,) = choose(held, 1, Recipe(lawful=0.5))
    assert threshold.score == 0.5  # what is as likely lawful is never stopped
    assert not choose(judged([0.9] * 4, [wrong] * 4), 1, Recipe())[0].enforced  # too few
    mixed = judged([0.9] * 10, [wrong] * 5 + [lawful] * 5)
    assert not choose(mixed, 1, Recipe())[0].enforced  # lawful ones score as high


def test_the_split_is_by_text_and_keeps_a_part_unseen(tmp_path: Path) -> None:
    corpus = load_corpus(write_corpus(tmp_path))
    assert {sentence.fold for sentence in corpus if not sentence.is_test} == {0, 1, 2, 3, 4}
    assert 0.04 < sum(sentence.is_test for sentence in corpus) / len(corpus) < 0.14
    assert [one.ordinary for one in ordinary(["a", "a", "b"], "en")] == [True, True]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        {"text": "a"},
        {"text": "", "categories": [], "kind": "lawful"},
        {"text": "a", "categories": ["nonsense"], "kind": "violation"},
        {"text": "a", "categories": [], "kind": "violation"},
        {"text": "a", "categories": ["profanity"], "kind": "lawful"},
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: object) -> None:
    write_lines(tmp_path / "zh.jsonl", [record("一句话"), line])
    with pytest.raises(InvalidInput, match=r"zh\.jsonl:2"):
        load_corpus(tmp_path)


def test_a_missing_or_small_corpus_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"zh\.jsonl"):
        load_corpus(tmp_path)
    for language in ("zh", "en"):
        write_lines(tmp_path / f"{language}.jsonl", [record(f"{language} a", "profanity")])
    with pytest.raises(InvalidInput, match="too small"):
        train(HashEncoder(), tmp_path / "model", tmp_path)
    assert not (tmp_path / "model").exists()
