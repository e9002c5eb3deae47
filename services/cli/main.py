"""``onscript``: one command, its groups and how its errors are told."""

import os
import sys

import typer

from core.errors import OnScriptError
from core.telemetry import configure_logging
from services.cli import demo, encoder, filtering, language_model, library, models, operate, talk

# One message is too little work to spread over threads; BLAS would only wait for itself. It must be
# said before NumPy is loaded, which happens inside the commands.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="OnScript: the sales assistant that can only say what was approved.",
)
app.command()(talk.turn)
app.command()(talk.chat)
app.command()(demo.demo)
app.command()(operate.serve)
app.command()(operate.worker)
app.add_typer(library.campaign, name="campaign")
app.add_typer(library.scripts, name="scripts")
app.add_typer(models.intent, name="intent")
app.add_typer(filtering.compliance, name="compliance")
app.add_typer(encoder.encoder, name="encoder")
app.add_typer(language_model.llm, name="llm")
app.add_typer(operate.db, name="db")
app.add_typer(operate.key, name="key")
app.add_typer(operate.conversation, name="conversation")
app.add_typer(operate.audit, name="audit")


def main() -> None:
    """Entry point of the console script."""
    configure_logging("warning")
    try:
        app()
    except OnScriptError as error:
        sys.exit(operate.fail(error))


if __name__ == "__main__":
    main()
