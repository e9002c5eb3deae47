"""The encoder's commands as people meet them: what they refuse, what they write."""

import json
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from encoder.clusters import is_held_out
from tests.services.test_cli import Shell

CORPUS = Path(str(files("encoder"))) / "corpus"


@pytest.fixture
def shell(model_home: Path, tmp_path: Path) -> Shell:
    """A home folder whose graphs are ready."""
    shutil.copytree(model_home / "models", tmp_path / "home" / "models")
    return Shell(tmp_path / "home")


@pytest.mark.parametrize("command", ["evaluate", "fit"])
def test_a_corpus_without_clusters_is_told(shell: Shell, tmp_path: Path, command: str) -> None:
    done = shell("encoder", command, f"--corpus={tmp_path}")
    assert done.status == 1
    assert "clusters_*.jsonl" in done.err
    assert "--corpus" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("encoder", "train", "--checkpoint=nowhere/run.pt"),
        ("encoder", "export", "nowhere/encoder.onnx"),
    ],
)
def test_a_missing_folder_is_told_before_any_work(shell: Shell, words: tuple[str, ...]) -> None:
    done = shell(*words)
    assert done.status == 1
    assert "nowhere is no folder" in done.err


def test_an_encoder_that_is_none_is_told(shell: Shell, tmp_path: Path) -> None:
    done = shell("encoder", "evaluate", encoder=str(tmp_path))
    assert done.status == 1
    assert "ONSCRIPT_ENCODER" in done.err


@pytest.mark.slow
def test_the_encoder_is_measured_on_what_it_never_saw(shell: Shell, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    lines = (CORPUS / "clusters_talk.jsonl").read_text(encoding="utf-8").splitlines()
    held_out = [line for line in lines if is_held_out(json.loads(line))]
    (corpus / "clusters_talk.jsonl").write_text("\n".join(lines), encoding="utf-8")
    done = shell("encoder", "evaluate", f"--corpus={corpus}")
    assert done.status == 0, done.err
    figures = done.lines[0]
    assert figures["clusters"] == len(held_out)
    assert 0.7 < figures["zh"]["recall_at_1_of_90"] <= 1
    assert 0.7 < figures["en"]["recall_at_1_of_90"] <= 1


@pytest.mark.slow
def test_one_onnx_file_is_written(shell: Shell, tmp_path: Path) -> None:
    target = tmp_path / "encoder.onnx"
    done = shell("encoder", "export", str(target))
    assert done.status == 0, done.err
    assert done.lines[0]["bytes"] == target.stat().st_size
