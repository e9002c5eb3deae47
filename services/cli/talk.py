"""Commands that hold conversations: turn, chat, demo."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from core.clock import new_id
from core.errors import OnScriptError
from core.settings import Settings
from services.cli.lines import answer_lines, optional_text, text_of
from services.cli.progress import spinner


def turn(campaign: Annotated[str, typer.Option(help="key of a loaded campaign")]) -> None:
    """{"conversation", "text", "message_id"?, "customer"?} -> the reply and the full trace."""
    from services.types import TurnRequest
    from services.wiring import build_runtime

    with spinner() as progress:
        runtime = build_runtime(Settings(), progress=progress)

    def answer(record: Mapping[str, Any]) -> dict[str, Any]:
        result = runtime.turn(
            TurnRequest(
                campaign=campaign,
                conversation=text_of(record, "conversation"),
                text=text_of(record),
                message_id=optional_text(record, "message_id") or new_id(),
                customer=optional_text(record, "customer"),
            )
        )
        trace = result.trace
        return {
            "conversation": trace["conversation"],
            "reply": trace["reply"]["text"],
            "key": trace["reply"]["key"],
            "source": trace["reply"]["source"],
            "route": trace["route"]["route"],
            "intent": trace["intent"]["label"],
            "decision": result.id,
            "replayed": result.replayed,
            "trace": trace,
        }

    status = answer_lines(answer)
    runtime.close()
    raise typer.Exit(status)


def chat(
    campaign: Annotated[
        str | None, typer.Option(help="key of a loaded campaign; asked for when there are several")
    ] = None,
    trace: Annotated[bool, typer.Option(help="show each turn's trace")] = False,
) -> None:
    """Talk to a campaign in the terminal. /trace shows the last turn, /new starts afresh."""
    from services.cli.show import print_turn, trace_table
    from services.types import TurnRequest
    from services.wiring import build_runtime

    console = Console()
    with spinner() as progress:
        runtime = build_runtime(Settings(), progress=progress)
    key = campaign or _ask_campaign(console, runtime)
    runtime.shelf.library(key)
    console.print(f"[bold]{key}[/bold]  /trace  /new  /quit")
    conversation, last = new_id(), None
    while True:
        try:
            text = console.input("[bold cyan]> [/bold cyan]").strip()
        except (EOFError, KeyboardInterrupt):
            break
        if text in {"/quit", "/exit"}:
            break
        if text == "/new":
            conversation, last = new_id(), None
            console.print("a new conversation")
        elif text == "/trace":
            console.print(trace_table(last) if last else "say something first")
        elif text:
            request = TurnRequest(key, conversation, text, new_id())
            try:
                with console.status("…"):
                    last = runtime.turn(request).trace
                print_turn(console, last, trace)
            except OnScriptError as error:
                console.print(f"[red]{error.message}[/red] {error.mend}")
    runtime.close()


def _ask_campaign(console: Console, runtime: Any) -> str:
    from core.errors import NotFound
    from script_store.repository import ScriptRepository

    with runtime.database.read() as session:
        keys = [
            found.key
            for found, _ in ScriptRepository(session).campaigns()
            if not found.key.startswith("global.")
        ]
    if not keys:
        raise NotFound("no campaign is loaded", mend="run: onscript campaign load FILE.json")
    if len(keys) == 1:
        return str(keys[0])
    console.print("campaigns: " + ", ".join(keys))
    while (chosen := console.input("which one? ").strip()) not in keys:
        console.print("one of: " + ", ".join(keys))
    return str(chosen)
