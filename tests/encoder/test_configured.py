"""A model of somebody else in place of the shipped encoder: loaded safely, fitted, served."""

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from core.errors import ArtifactError, ConfigurationError
from core.settings import Settings
from encoder.configured import ConfiguredEncoder
from encoder.fit import fit
from encoder.minilm import MiniLM, model_folder
from encoder.shipped import fitted_folder
from services.wiring import build_encoder

CORPUS = Path(str(files("encoder"))) / "corpus"
FOLDER = str(model_folder())  # MiniLM's package holds a sentence-transformers folder


@pytest.fixture(scope="module")
def configured() -> ConfiguredEncoder:
    return ConfiguredEncoder(FOLDER, "cpu")


def test_it_gives_what_the_model_gives(configured: ConfiguredEncoder, model_home: Path) -> None:
    texts = ["how much does it cost", "stop writing to me", ""]
    plain = MiniLM.plain(model_home).encode(texts)
    found = configured.encode(texts)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, plain, atol=1e-4)
    assert configured.encode([]).shape == (0, configured.identity.dimension)


def test_its_identity_names_its_weights(configured: ConfiguredEncoder) -> None:
    assert configured.identity.weights == ConfiguredEncoder(FOLDER, "cpu").identity.weights
    assert configured.identity.dimension == 384


def test_a_folder_without_a_model_is_refused_with_a_mend(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        ConfiguredEncoder(str(tmp_path), "cpu")
    assert "ONSCRIPT_ENCODER" in caught.value.mend


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    for file in model_folder().rglob("*"):
        if file.is_file() and file.name != "model.safetensors":
            target = tmp_path / file.relative_to(model_folder())
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(file.read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04cos\nsystem\n")
    with pytest.raises(ArtifactError):
        ConfiguredEncoder(str(tmp_path), "cpu")


def test_it_is_served_once_the_join_is_fitted(
    configured: ConfiguredEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONSCRIPT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ONSCRIPT_ENCODER", FOLDER)
    monkeypatch.setenv("ONSCRIPT_ENCODER_DEVICE", "cpu")
    settings = Settings()
    with pytest.raises(ArtifactError) as caught:
        build_encoder(settings)
    assert "onscript encoder fit" in caught.value.mend
    lines = (CORPUS / "clusters_talk.jsonl").read_text(encoding="utf-8").splitlines()[:60]
    (tmp_path / "clusters_talk.jsonl").write_text("\n".join(lines), encoding="utf-8")
    place = fitted_folder(settings.home, settings.encoder)
    assert place is not None
    join = fit(configured, tmp_path, place)
    assert json.loads((place / "card.json").read_text(encoding="utf-8"))["join"] == join
    served = build_encoder(settings)
    assert str(configured.identity) == join["dense"]
    assert served.encode(["a", "b"]).shape == (2, served.identity.dimension)


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cpu; rm", ""])
def test_devices_that_do_not_exist_are_refused(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONSCRIPT_ENCODER_DEVICE", device)
    with pytest.raises(ConfigurationError, match="ONSCRIPT_ENCODER_DEVICE"):
        Settings()
