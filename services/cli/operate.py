"""Commands that run and check the service: db, key, serve, worker, conversation, audit."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from core.clock import SystemClock
from core.errors import OnScriptError
from core.json import line
from core.settings import Settings
from core.telemetry import configure_logging
from services.cli.progress import spinner

db = typer.Typer(no_args_is_help=True, help="The database.")
key = typer.Typer(no_args_is_help=True, help="API keys of integrators.")
conversation = typer.Typer(no_args_is_help=True, help="Conversations that wait for a person.")
audit = typer.Typer(no_args_is_help=True, help="The tamper-evident log.")


@db.command("upgrade")
def upgrade() -> None:
    """Create the tables or bring them to this version; safe to repeat."""
    from services.schema import upgrade as apply
    from services.wiring import build_database

    database = build_database(Settings())
    print(line({"database": database.name, "revision": apply(database)}))


@key.command("create")
def create(name: Annotated[str, typer.Argument(help="whose key: a person or a system")]) -> None:
    """Make an API key. It is printed once and kept only as a hash."""
    from services.access import create_key
    from services.wiring import build_database

    print(line({"name": name, "key": create_key(build_database(Settings()), SystemClock(), name)}))


@key.command("revoke")
def revoke(name: Annotated[str, typer.Argument(help="the key's name")]) -> None:
    """End a key at once."""
    from services.access import revoke_key
    from services.wiring import build_database

    revoke_key(build_database(Settings()), SystemClock(), name)
    print(line({"name": name, "revoked": True}))


@conversation.command("waiting")
def list_waiting() -> None:
    """One line a conversation that waits for a person."""
    from services.conversations import waiting
    from services.wiring import build_database

    for row in waiting(build_database(Settings())):
        print(line(row))


@conversation.command("release")
def release(
    identifier: Annotated[str, typer.Argument(help="the conversation's id")],
    by: Annotated[str, typer.Option(help="who releases it")],
) -> None:
    """Give a conversation back to the bot."""
    from services.conversations import release as give_back
    from services.wiring import build_database

    give_back(build_database(Settings()), SystemClock(), identifier, by)
    print(line({"conversation": identifier, "released_by": by}))


@audit.command("verify")
def verify(
    file: Annotated[
        Path | None, typer.Argument(help="an exported log; default: the database")
    ] = None,
) -> None:
    """Check the whole chain; exit 1 names the first entry that does not fit."""
    from services.audit import verify_database, verify_export
    from services.wiring import build_database

    report = verify_export(file) if file else verify_database(build_database(Settings()))
    print(line(report))
    raise typer.Exit(0 if report["ok"] else 1)


@audit.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="where the log goes, JSON lines")],
) -> None:
    """Write every entry with its exact bytes; `onscript audit verify FILE` checks it anywhere."""
    from services.audit import export_log
    from services.wiring import build_database

    print(line(export_log(build_database(Settings()), file)))


def serve(
    host: Annotated[str | None, typer.Option(help="address; default ONSCRIPT_HOST")] = None,
    port: Annotated[int | None, typer.Option(help="port; default ONSCRIPT_PORT")] = None,
) -> None:
    """Run the HTTP service."""
    import uvicorn

    from services.api.app import create_app
    from services.wiring import build_runtime

    settings = Settings()
    configure_logging(settings.log_level)
    with spinner() as progress:
        runtime = build_runtime(settings, progress=progress)
    address, number = host or settings.host, settings.port if port is None else port
    print(f"OnScript listens on http://{address}:{number} (docs at /docs)", file=sys.stderr)
    uvicorn.run(
        create_app(runtime),
        host=address,
        port=number,
        log_level="warning",
        access_log=False,
    )


def worker(
    every: Annotated[float, typer.Option(help="seconds between two checks")] = 60.0,
    once: Annotated[bool, typer.Option(help="check once and exit")] = False,
) -> None:
    """Background work: verify the ledger again and again, and say who waits for a person."""
    from services.audit import watch
    from services.wiring import build_database

    settings = Settings()
    configure_logging(settings.log_level)
    raise typer.Exit(watch(build_database(settings), every, once))


def fail(error: OnScriptError) -> int:
    """Tell an error on standard error the way a person reads it."""
    print(f"onscript: {error.message}", file=sys.stderr)
    if error.mend:
        print(f"  {error.mend}", file=sys.stderr)
    return 1
