"""Progress on standard error, so that standard output stays clean for pipes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

_console = Console(stderr=True)


@contextmanager
def bar() -> Iterator[Callable[[str, int, int], None]]:
    """A bar a stage with the time left; call it with (stage, done, total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=_console, transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def update(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield update


@contextmanager
def spinner() -> Iterator[Callable[[str], None]]:
    """A line that says which step is running."""
    with _console.status("starting") as status:
        yield lambda step: status.update(step)
