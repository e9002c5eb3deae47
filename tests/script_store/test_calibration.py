"""The shipped calibration: refused where it does not fit, and as good as its card says."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import ArtifactError, InvalidInput
from encoder.cached import CachedEncoder
from encoder.joined import JoinedEncoder
from encoder.types import EncoderIdentity
from script_store.calibration import (
    TOLERANCE,
    cases,
    figures,
    load_calibrations,
    load_pairs,
    shipped_folder,
)
from script_store.matching import FEATURES
from services.calibrating import DEMO, demo_file, library_of

CARD = shipped_folder() / "calibration.json"
OTHER = EncoderIdentity("other", "1", "none", 3)


def card() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(CARD.read_text(encoding="utf-8"))
    return read


def identity() -> EncoderIdentity:
    name, rest = card()["encoder"].split("@", 1)
    version, rest = rest.split("#", 1)
    weights, dimension = rest.split("/", 1)
    return EncoderIdentity(name, version, weights, int(dimension))


def test_it_serves_both_languages_with_every_feature() -> None:
    found = load_calibrations(identity())
    assert set(found) == set(DEMO)
    for calibration in found.values():
        assert set(calibration.weights) == set(FEATURES)
        assert 0.5 <= calibration.threshold < 1


def test_another_encoder_is_refused() -> None:
    with pytest.raises(ArtifactError, match="other@1") as caught:
        load_calibrations(OTHER)
    assert "onscript scripts calibrate" in caught.value.mend


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"encoder": "other@1#none/3"}',
        b'{"encoder": "other@1#none/3", "languages": []}',
        b'{"encoder": "other@1#none/3", "languages": {"zh": {}}}',
        b'{"encoder": "other@1#none/3", "languages": {"zh": null}}',
        b'{"encoder": "other@1#none/3", "languages": {"zh": {"weights": {}, "bias": 0,'
        b' "threshold": 0.5, "question_margin": 1}}}',
        b'{"encoder": "other@1#none/3", "languages": {"zh": {"weights": null, "bias": "high",'
        b' "threshold": 0.5, "question_margin": 1}}}',
    ],
)
def test_a_corrupt_file_is_refused_with_its_mend(tmp_path: Path, raw: bytes) -> None:
    place = tmp_path / "calibration.json"
    place.write_bytes(raw)
    with pytest.raises(ArtifactError) as caught:
        load_calibrations(OTHER, place)
    assert "onscript scripts calibrate" in caught.value.mend


def test_a_missing_file_is_refused_with_its_mend(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        load_calibrations(OTHER, tmp_path / "nothing.json")
    assert "onscript scripts calibrate" in caught.value.mend


@pytest.mark.parametrize("language", sorted(DEMO))
def test_pairs_name_real_scripts_and_keep_customers_in_one_half(language: str) -> None:
    pairs = load_pairs(language)
    keys = {script.key for script in demo_file(DEMO[language]).scripts}
    assert {pair.key for pair in pairs if pair.key} <= keys
    assert {pair.opposes for pair in pairs if pair.opposes} <= keys
    halves = {
        split: {pair.customer for pair in pairs if pair.split == split} for split in ("dev", "test")
    }
    assert halves["dev"]
    assert halves["test"]
    assert not halves["dev"] & halves["test"]


def test_a_wrong_pair_is_named_by_its_line(tmp_path: Path) -> None:
    good = (shipped_folder() / "pairs" / "en.jsonl").read_text(encoding="utf-8").splitlines()[0]
    (tmp_path / "en.jsonl").write_text(f'{good}\n{{"draft": 1}}\n', encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"en\.jsonl:2"):
        load_pairs("en", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("language", sorted(DEMO))
def test_the_figures_of_the_card_are_true(language: str, shipped_encoder: JoinedEncoder) -> None:
    encoder = CachedEncoder(shipped_encoder, 20_000)
    library = library_of(demo_file(DEMO[language]), encoder)
    calibration = load_calibrations(encoder.identity)[language]
    test = [pair for pair in load_pairs(language) if pair.split == "test"]
    found = figures(library, encoder, cases(library, encoder, test), calibration)
    claimed = card()["languages"][language]["figures"]["test"]
    assert found["cases"] == claimed["cases"]
    assert found["coverage"] == pytest.approx(claimed["coverage"], abs=0.02)
    assert found["wrong_of_served"] == pytest.approx(claimed["wrong_of_served"], abs=0.02)
    assert found["coverage"] > 0.3
    assert found["wrong_of_served"] <= 3 * TOLERANCE  # the tolerance itself is kept on dev only
