"""Commands about triage and the compliance filter."""

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
compliance = typer.Typer(no_args_is_help=True, help="The compliance filter.")


@intent.command("predict")
def predict() -> None:
    """{"text", "lang"?, "previous"?} -> {"label", "confidence", "abstain", "route", "scores"}."""
    from compliance.types import Screening
    from services.policy import DEFAULT_ROUTES, route
    from services.types import ConversationState
    from services.wiring import build_encoder, build_triage

    settings = Settings()
    triage = build_triage(settings, build_encoder(settings))
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
    output: Annotated[
        Path | None, typer.Option(help="where model and card go; default: as the encoder is")
    ] = None,
    corpus: Annotated[Path | None, typer.Option(help="folder of zh*.jsonl and en*.jsonl")] = None,
    seed: int = 7,
) -> None:
    """Train the triage head on the corpus (about a minute); prints the card with its figures."""
    from intent.train import train
    from services.wiring import build_encoder, fitted_place

    settings = Settings()
    place = output or fitted_place(settings, "intent") or Path("intent/model")
    with bar() as progress:
        card = train(build_encoder(settings), place, corpus, seed, progress)
    print(line(card["test"]))


@intent.command("evaluate")
def evaluate_intent() -> None:
    """Measure the shipped model on the test split it has never seen."""
    from intent.corpus import Split, load_corpus
    from intent.evaluate import report
    from services.wiring import build_encoder, build_triage

    settings = Settings()
    triage = build_triage(settings, build_encoder(settings))
    test = [u for u in load_corpus() if u.split is Split.TEST]
    print(line(report(test, [triage.classify(u.text, u.previous) for u in test])))


@compliance.command("check")
def check(
    direction: Annotated[str, typer.Option(help="inbound or outbound")],
    model: Annotated[bool, typer.Option(help="read outbound texts by meaning too")] = True,
) -> None:
    """{"text", "lang"?, "jurisdiction"?, "domain"?} -> action, findings, signals, personal data."""
    from services.wiring import build_compliance, build_encoder

    if direction not in {"inbound", "outbound"}:
        raise InvalidInput("--direction is inbound or outbound")
    settings = Settings()
    by_meaning = model and direction == "outbound"
    engine = build_compliance(settings, build_encoder(settings) if by_meaning else None)

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
