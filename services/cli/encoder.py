"""Commands about the sentence encoder."""

from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer

from core.errors import InvalidInput
from core.json import line
from core.settings import Settings
from services.cli.progress import bar, spinner

encoder = typer.Typer(no_args_is_help=True, help="The sentence encoder.")

_WEIGHTS = Path("encoder/weights")
_Corpus = Annotated[Path | None, typer.Option(help="folder of clusters_*.jsonl; default: ours")]


@encoder.command("train")
def train_encoder(
    checkpoint: Annotated[Path, typer.Option(help="kept while training; read when it exists")],
    output: Annotated[Path, typer.Option(help="where weights and card go")] = _WEIGHTS,
    corpus: _Corpus = None,
    dialogues: Annotated[
        Path | None, typer.Option(help="folder of dialogues_*.jsonl; default: ours")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="instead of the recipe's")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
) -> None:
    """Teach MiniLM Chinese and sales talk, fit the join and print the figures; resumable."""
    from dataclasses import replace

    from encoder.train import Recipe, train
    from intent.corpus import Split, load_corpus

    clusters = _clusters_folder(corpus)
    talks = sorted((dialogues or _package("llm") / "house" / "corpus").glob("dialogues_*.jsonl"))
    settings = Settings()
    recipe = Recipe() if steps is None else replace(Recipe(), steps=steps)
    _require_parent(checkpoint)
    messages = load_corpus()
    labelled = [(u.text, u.label.value) for u in messages if u.split is Split.TRAIN]
    kept_back = frozenset(u.dialogue for u in messages if u.split is not Split.TRAIN)
    home = settings.prepare_home()
    card = train(clusters, output, checkpoint, home, recipe, talks, labelled, kept_back, device)
    print(line(card["join"]["figures"]))


@encoder.command("fit")
def fit_encoder(
    output: Annotated[
        Path | None, typer.Option(help="where the join goes; default: as the encoder is")
    ] = None,
    corpus: _Corpus = None,
) -> None:
    """Fit how meaning and wording are joined, for the shipped or a configured encoder."""
    from encoder.fit import fit
    from encoder.shipped import fitted_folder, load_dense

    clusters = _clusters_folder(corpus)
    settings = Settings()
    home = settings.prepare_home()
    dense = load_dense(home, settings.threads, settings.encoder, settings.encoder_device)
    place = output or fitted_folder(home, settings.encoder) or _WEIGHTS
    with bar() as progress:
        join = fit(dense, clusters, place, lambda done, total: progress("encoding", done, total))
    print(line(join))


@encoder.command("evaluate")
def evaluate_encoder(corpus: _Corpus = None) -> None:
    """Measure the encoder in force on held-out clusters and graded pairs, both languages."""
    from encoder.cached import CachedEncoder
    from encoder.clusters import is_held_out, load_clusters, load_graded, sentences
    from encoder.evaluate import across, graded, measure
    from services.wiring import build_encoder

    folder = _clusters_folder(corpus)
    judging = [c for c in load_clusters(folder) if is_held_out(c)]
    served = CachedEncoder(build_encoder(Settings()), capacity=100_000)
    figures: dict[str, Any] = {"encoder": str(served.identity), "clusters": len(judging)}
    with bar() as progress:
        for language in ("zh", "en"):
            texts = sentences(judging, language)
            served.warm(texts, partial(progress, f"encoding {language}"))
            found = measure(served, judging, language)
            pairs = load_graded(folder, language)
            if pairs:
                found["spearman_graded"] = round(graded(served, pairs), 4)
                found["graded_pairs"] = len(pairs)
            figures[language] = found
    figures["across_languages"] = round(across(served, judging), 4)
    print(line(figures))


@encoder.command("export")
def export_encoder(
    target: Annotated[Path, typer.Argument(help="the ONNX file to write")],
) -> None:
    """Write the shipped encoder's dense half as one ONNX file, checked against PyTorch."""
    from encoder.export import export
    from encoder.minilm import (
        model_folder,
        read_taught,
        sha256_of,
        verify_weights,
        weights_file,
    )
    from encoder.network import merged

    folder = model_folder()
    verify_weights(folder)
    read_taught(weights_file())  # refuses what is not as its card says
    _require_parent(target)
    with spinner() as progress:
        progress("exporting")
        export(merged(folder, weights_file()), target)
    print(line({"file": str(target), "sha256": sha256_of(target), "bytes": target.stat().st_size}))


def _require_parent(file: Path) -> None:
    if not file.parent.is_dir():
        raise InvalidInput(f"{file.parent} is no folder", mend="make it, or name another")


def _package(name: str) -> Path:
    return Path(str(files(name)))


def _clusters_folder(named: Path | None) -> Path:
    folder = named or _package("encoder") / "corpus"
    if not any(folder.glob("clusters_*.jsonl")):
        raise InvalidInput(
            f"no clusters_*.jsonl in {folder}", mend="name the folder of clusters with --corpus"
        )
    return folder
