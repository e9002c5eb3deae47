"""Commands that train the filter's paraphrase model and measure the filter."""

import json
import sys
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import InvalidInput
from core.json import line
from core.settings import Settings
from services.cli.models import compliance as compliance  # with more commands, for main
from services.cli.progress import bar, spinner

if TYPE_CHECKING:
    from compliance.paraphrase.corpus import Sentence


@compliance.command("train")
def train_paraphrase(
    output: Annotated[
        Path | None, typer.Option(help="where model and card go; default: as the encoder is")
    ] = None,
    corpus: Annotated[Path | None, typer.Option(help="folder of zh.jsonl and en.jsonl")] = None,
    talk: Annotated[
        Path | None, typer.Option(help="folder of dialogues_*.jsonl, lawful talk; default: ours")
    ] = None,
) -> None:
    """Train the paraphrase model on its corpus (about two minutes); prints the figures."""
    from compliance.paraphrase.model import shipped_folder
    from compliance.paraphrase.train import train
    from services.wiring import build_encoder, fitted_place

    settings = Settings()
    place = output or fitted_place(settings, "paraphrase") or shipped_folder()
    folder = talk or Path(str(files("llm"))) / "house" / "corpus"
    spoken = list(_spoken(sorted(folder.glob("dialogues_*.jsonl"))))
    with bar() as progress:
        card = train(build_encoder(settings), place, corpus, spoken, progress)
    print(line(card["test"]))


@compliance.command("evaluate")
def evaluate_compliance(
    cases: Annotated[
        Path | None, typer.Option(help="folder of outbound_*.jsonl and inbound_*.jsonl")
    ] = None,
    model: Annotated[bool, typer.Option(help="read by meaning too, or rules alone")] = True,
    table: Annotated[bool, typer.Option("--table", help="Markdown instead of JSON")] = False,
    write: Annotated[
        Path | None, typer.Option(help="page between whose markers the tables go")
    ] = None,
    wrong: Annotated[
        Path | None, typer.Option(help="JSON lines of every case that was judged wrongly")
    ] = None,
) -> None:
    """Measure the filter on the development set, which no rule was written from."""
    from compliance.evaluate import measure
    from compliance.report import refreshed, tables
    from services.wiring import build_compliance, build_encoder

    settings = Settings()
    with spinner() as progress:
        progress("loading packs and model")
        rules = build_compliance(settings)
        engine = build_compliance(settings, build_encoder(settings)) if model else rules
        progress("judging the development set")
        figures, misjudged = measure(engine, cases, rules if model else None)
    if write is not None:
        write.write_text(refreshed(_page(write), figures), encoding="utf-8")
    if wrong is not None:
        wrong.write_text("".join(line(case) + "\n" for case in misjudged), encoding="utf-8")
    if table:
        print(tables(figures))
    else:
        print(tables(figures), file=sys.stderr)
        print(line(figures))


def _page(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{path.name} cannot be read: {error.strerror}") from error


def _spoken(dialogues: Iterable[Path]) -> "Iterable[Sentence]":
    """What sellers say in the house model's corpus, a third of it: lawful and ordinary."""
    from compliance.paraphrase.corpus import ordinary

    for path in dialogues:
        for number, record in enumerate(path.read_text(encoding="utf-8").splitlines()):
            if number % 3 == 0:
                talk = json.loads(record)
                yield from ordinary((turn["seller"] for turn in talk["turns"]), talk["lang"])
