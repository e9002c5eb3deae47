"""Commands about the language model."""

import typer

llm = typer.Typer(no_args_is_help=True, help="The language model that drafts.")
