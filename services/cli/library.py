"""Commands about campaigns and their scripts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from core.clock import SystemClock
from core.errors import InvalidInput
from core.json import line, plain
from core.settings import Settings
from core.text import clean_text
from services.cli.lines import answer_lines, optional_text, text_of
from services.cli.progress import spinner

campaign = typer.Typer(no_args_is_help=True, help="Campaigns and their files.")
scripts = typer.Typer(no_args_is_help=True, help="The script library.")


@campaign.command("load")
def load(
    file: Annotated[Path, typer.Argument(help="campaign file, JSON")],
    approve_as: Annotated[
        str | None, typer.Option(help="who approves the scripts and brings them into force")
    ] = None,
    author: Annotated[str | None, typer.Option(help="who wrote them; never the approver")] = None,
) -> None:
    """Create or update a campaign; prints what happened to each script.

    With --approve-as A --author B (two different people) the scripts come into force. A script
    that a compliance rule blocks stays in review, with the reason under "refused".
    """
    from services.campaign_file import parse_campaign
    from services.campaigns import CampaignLoader
    from services.wiring import build_compliance, build_database, require_schema

    settings = Settings()
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file}: {error.strerror}") from error
    parsed = parse_campaign(raw)
    if approve_as is not None and author is None:
        raise InvalidInput(
            "--approve-as needs --author", mend="name who wrote the scripts: --author B"
        )
    with spinner() as progress:
        progress("loading the rule packs")
        compliance = build_compliance(settings)
        database = build_database(settings)
        require_schema(database)
        progress(f"writing {len(parsed.scripts)} scripts")
        reports = CampaignLoader(database, compliance, SystemClock()).load(
            parsed, author, approve_as
        )
    for report in reports:
        print(line(report))


@campaign.command("list")
def list_campaigns() -> None:
    """One line a campaign: key, language, jurisdiction, how many scripts are in force."""
    from script_store.repository import ScriptRepository
    from services.wiring import build_database

    with build_database(Settings()).read() as session:
        repository = ScriptRepository(session)
        for found, generation in repository.campaigns():
            print(
                line(
                    {
                        "key": found.key,
                        "name": found.name,
                        "language": found.language,
                        "jurisdiction": found.jurisdiction,
                        "domain": found.domain,
                        "in_force": len(repository.in_force(found.key)),
                        "generation": generation,
                    }
                )
            )


@scripts.command("match")
def match(campaign: Annotated[str, typer.Option(help="key of a loaded campaign")]) -> None:
    """{"text", "customer"?} (a draft, the message it answers) -> which approved script says it."""
    from services.trace import match_json
    from services.wiring import build_database, build_encoder, build_shelf, require_schema

    settings = Settings()
    database = build_database(settings)
    require_schema(database)
    with spinner() as progress:
        progress("loading the encoder")
        encoder = build_encoder(settings)
        shelf = build_shelf(settings, database, encoder, progress)
        library = shelf.library(campaign)

    def answer(record: Mapping[str, Any]) -> Any:
        draft = clean_text(text_of(record))
        customer = clean_text(optional_text(record, "customer") or "")
        return match_json(library.match(encoder, draft, customer))

    raise typer.Exit(answer_lines(answer))


@scripts.command("calibrate")
def calibrate(
    output: Annotated[
        Path | None, typer.Option(help="where the calibration goes; default: as the encoder is")
    ] = None,
    tolerance: Annotated[float, typer.Option(help="share of served scripts that may be wrong")] = (
        0.05
    ),
) -> None:
    """Fit the shipped match calibration on the development pairs of the demo campaigns."""
    from services.calibrating import calibrate_shipped
    from services.wiring import build_encoder, fitted_place

    settings = Settings()
    fitted = fitted_place(settings, "calibration.json")
    place = output or fitted or Path("script_store/calibration.json")
    with spinner() as progress:
        card = calibrate_shipped(build_encoder(settings), place, tolerance, progress)
    print(line(card))


@scripts.command("retire")
def retire(
    key: Annotated[str, typer.Argument(help="the script's key")],
    campaign: Annotated[str, typer.Option(help="key of a loaded campaign")],
    by: Annotated[str, typer.Option(help="who takes it out of force")],
) -> None:
    """Take a script out of force at once; a fallback answers in its place."""
    from services.campaigns import CampaignLoader
    from services.wiring import build_compliance, build_database

    settings = Settings()
    loader = CampaignLoader(build_database(settings), build_compliance(settings), SystemClock())
    loader.retire(campaign, key, by)
    print(line({"campaign": campaign, "retired": key, "by": by}))


@scripts.command("list")
def list_scripts(campaign: Annotated[str, typer.Option(help="key of a loaded campaign")]) -> None:
    """One line a script in force: key, version, intent, who wrote and approved it, its text."""
    from script_store.repository import ScriptRepository
    from services.wiring import build_database

    with build_database(Settings()).read() as session:
        repository = ScriptRepository(session)
        repository.campaign(campaign)
        for version in repository.in_force(campaign):
            print(line(plain(version)))
