"""Commands about the models: intent, encoder, compliance and the LLM."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from core.errors import InvalidInput
from core.json import line
from core.settings import Settings
from core.text import clean_text
from services.cli.lines import answer_lines, optional_text, text_of
from services.cli.progress import bar

intent = typer.Typer(no_args_is_help=True, help="What does a customer want? The triage model.")
encoder = typer.Typer(no_args_is_help=True, help="The sentence encoder.")
compliance = typer.Typer(no_args_is_help=True, help="The compliance filter.")


@intent.command("predict")
def predict() -> None:
    """{"text", "lang"?, "previous"?} -> {"label", "confidence", "abstain", "route", "scores"}."""
    from compliance.types import Screening
    from services.policy import DEFAULT_ROUTES, route
    from services.types import ConversationState
    from services.wiring import build_encoder, build_triage

    triage = build_triage(build_encoder(Settings()))
    nothing = Screening("", (), False, False, False, False, (), ())

    def answer(record: Mapping[str, Any]) -> dict[str, Any]:
        text = clean_text(text_of(record))
        found = triage.classify(text, clean_text(optional_text(record, "previous") or "") or None)
        decided = route(found, nothing, ConversationState(""), DEFAULT_ROUTES)
        return {
            "label": found.label.value,
            "confidence": round(found.confidence, 6),
            "abstain": found.abstain,
            "route": decided.route.value,
            "scores": {name: round(score, 6) for name, score in found.scores.items()},
        }

    raise typer.Exit(answer_lines(answer))


@intent.command("train")
def train_intent(
    output: Annotated[Path, typer.Option(help="where model and card go")] = Path("intent/model"),
    corpus: Annotated[Path | None, typer.Option(help="folder of zh*.jsonl and en*.jsonl")] = None,
    seed: int = 7,
) -> None:
    """Train the triage head on the corpus (about a minute); prints the card with its figures."""
    from intent.train import train
    from services.wiring import build_encoder

    with bar() as progress:
        card = train(build_encoder(Settings()), output, corpus, seed, progress)
    print(line(card["test"]))


@intent.command("evaluate")
def evaluate_intent() -> None:
    """Measure the shipped model on the test split it has never seen."""
    from intent.corpus import Split, load_corpus
    from intent.evaluate import report
    from services.wiring import build_encoder, build_triage

    triage = build_triage(build_encoder(Settings()))
    test = [u for u in load_corpus() if u.split is Split.TEST]
    print(line(report(test, [triage.classify(u.text, u.previous) for u in test])))


@encoder.command("train")
def train_encoder(
    checkpoint: Annotated[Path, typer.Option(help="kept while training; read when it exists")],
    output: Annotated[Path, typer.Option(help="where weights go")] = Path("encoder/weights"),
    corpus: Annotated[Path, typer.Option(help="folder of clusters_*.jsonl")] = Path(
        "encoder/corpus"
    ),
    dialogues: Annotated[Path, typer.Option(help="folder of dialogues_zh_*.jsonl")] = Path(
        "llm/house/corpus"
    ),
    plain: Annotated[
        Path | None, typer.Option(help="further Chinese: .jsonl.gz, each line with its turns")
    ] = None,
) -> None:
    """Train the small Chinese encoder with progress; then run `onscript encoder fit`."""
    import gzip
    import json

    from encoder.minilm import MiniLM
    from encoder.train import train

    settings = Settings()
    more: list[str] = []
    if plain is not None:
        with gzip.open(plain, "rt", encoding="utf-8") as file:
            more = [turn for record in file for turn in json.loads(record)["turns"]]
    teacher = MiniLM.load(settings.prepare_home(), settings.threads)
    talks = sorted(dialogues.glob("dialogues_zh_*.jsonl"))
    card = train(corpus, teacher, output, checkpoint, dialogues=talks, plain=more)
    print(line(card["held_out"]))


@encoder.command("fit")
def fit_encoder(
    output: Annotated[Path, typer.Option(help="where weights go")] = Path("encoder/weights"),
    corpus: Annotated[Path, typer.Option(help="folder of clusters_*.jsonl")] = Path(
        "encoder/corpus"
    ),
) -> None:
    """Fit how the halves of the shipped encoder are joined; prints the card."""
    from encoder.fit import fit
    from encoder.shipped import load_dense

    settings = Settings()
    print(line(fit(load_dense(settings.prepare_home(), settings.threads), corpus, output)))


@compliance.command("check")
def check(
    direction: Annotated[str, typer.Option(help="inbound or outbound")],
) -> None:
    """{"text", "lang"?, "jurisdiction"?, "domain"?} -> action, findings, signals, personal data."""
    from services.wiring import build_compliance

    if direction not in {"inbound", "outbound"}:
        raise InvalidInput("--direction is inbound or outbound")
    engine = build_compliance(Settings())

    def answer(record: Mapping[str, Any]) -> dict[str, Any]:
        text = text_of(record)
        language = optional_text(record, "lang")
        jurisdiction = optional_text(record, "jurisdiction")
        if direction == "inbound":
            return engine.screen_in(text, language=language, jurisdiction=jurisdiction).to_json()
        domain = optional_text(record, "domain")
        return engine.screen_out(
            text, language=language, jurisdiction=jurisdiction, domain=domain
        ).to_json()

    raise typer.Exit(answer_lines(answer))
