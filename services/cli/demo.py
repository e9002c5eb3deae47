"""``onscript demo``: a sample conversation in each language with the trace of each turn."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.rule import Rule

from core.clock import SystemClock
from core.errors import InvalidInput
from core.settings import Settings
from services.cli.progress import spinner

if TYPE_CHECKING:
    from services.wiring import Runtime

_NEXT = """\
What to try next
  ONSCRIPT_HOME={home} {command} chat --trace         talk to it yourself
  ONSCRIPT_HOME={home} {command} audit verify         check the log of what you just saw
  ONSCRIPT_HOME={home} {command} key create me        make an API key, then:
  ONSCRIPT_HOME={home} {command} serve                the HTTP service, http://127.0.0.1:8080/docs
  docs/getting-started.md                          your own campaign, a real language model
"""


def demo(
    languages: Annotated[str, typer.Option(help="zh, en or both, with a comma")] = "zh,en",
    home: Annotated[Path, typer.Option(help="where the demo keeps its own database")] = Path(
        ".demo"
    ),
) -> None:
    """Prepare the demo database and hold a sample conversation in each language."""
    from services.campaigns import CampaignLoader
    from services.demonstration import SAMPLES, load_demo
    from services.schema import upgrade
    from services.wiring import build_compliance, build_database, build_runtime

    wanted = [name.strip() for name in languages.split(",") if name.strip()]
    if not wanted or not set(wanted) <= set(SAMPLES):
        raise InvalidInput(f"--languages {languages}: choose from {', '.join(SAMPLES)}")
    # never the database of a real service, whatever the environment says
    settings = Settings(home=home, database_url=None)
    console, started = Console(), time.monotonic()
    with spinner() as progress:
        progress("preparing the database")
        database = build_database(settings)
        upgrade(database)
        progress("loading the demo campaigns")
        loader = CampaignLoader(database, build_compliance(settings), SystemClock())
        for report in load_demo(loader):
            for key, why in report.refused.items():
                console.print(f"[yellow]{report.campaign}: {key} held back: {why}[/yellow]")
        database.close()
        runtime = build_runtime(settings, progress=progress)
    for language in wanted:
        _show(console, runtime, language)
    runtime.close()
    console.print(Rule())
    console.print(f"Done in {time.monotonic() - started:.0f} s.\n")
    console.print(_NEXT.format(home=settings.home, command=_command()), highlight=False)


def _show(console: Console, runtime: "Runtime", language: str) -> None:
    from services.calibrating import DEMO
    from services.cli.show import print_turn
    from services.demonstration import hold

    console.print(Rule(f"{language} · {DEMO[language]}"))
    for line, trace in hold(runtime, language):
        console.print(f"\n[bold]{line.shows}[/bold]")
        if line.fresh:
            console.print("[dim](a new conversation)[/dim]")
        console.print(f"[cyan]customer:[/cyan] {line.text}", highlight=False)
        print_turn(console, trace, with_trace=True)


def _command() -> str:
    import sys

    return sys.argv[0] if os.path.sep in sys.argv[0] else "onscript"
