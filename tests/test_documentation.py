"""Documentation that is out of date fails the build."""

import json
import re
from pathlib import Path

import click
import pytest
import typer
import yaml

from compliance.ledger.chain import Event
from core.settings import Settings
from services.cli.main import app
from services.types import Route, Source

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def commands(group: click.Group, path: str = "onscript") -> list[str]:
    found = []
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        found += commands(command, f"{path} {name}") if inner else [f"{path} {name}"]  # type: ignore[arg-type]  # a group
    return found


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`ONSCRIPT_{name.upper()}`" in (DOCS / "settings.md").read_text(encoding="utf-8")


def test_no_setting_is_documented_that_does_not_exist() -> None:
    known = {f"ONSCRIPT_{name.upper()}" for name in Settings.model_fields}
    known |= {"ONSCRIPT_TEST_POSTGRES"}
    for path in [ROOT / "README.md", *DOCS.rglob("*.md"), ROOT / "docker-compose.yml"]:
        named = set(re.findall(r"ONSCRIPT_[A-Z_]+", path.read_text(encoding="utf-8")))
        assert named <= known, path.name


@pytest.mark.parametrize("command", commands(typer.main.get_command(app)))  # type: ignore[arg-type]  # a group
def test_every_command_is_documented(command: str) -> None:
    assert f"`{command}" in (DOCS / "commands.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("member", [*Event, *Route, *Source])
def test_every_event_route_and_source_is_documented(member: str) -> None:
    assert f"`{member}`" in (DOCS / "vocabulary.md").read_text(encoding="utf-8")


def test_links_lead_somewhere() -> None:
    for path in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            if not target.startswith(("http://", "https://")):
                assert (path.parent / target).exists(), f"{path.name} -> {target}"


def test_every_decision_names_the_check_that_keeps_it() -> None:
    for path in (DOCS / "decisions").glob("*.md"):
        assert "**Kept by**" in path.read_text(encoding="utf-8"), path.name


def test_containers_run_commands_that_exist() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    known = set(commands(typer.main.get_command(app)))  # type: ignore[arg-type]  # a group
    for name, service in compose["services"].items():
        if name != "postgres":
            assert " ".join(service["command"]) in known, name
    docker = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert " ".join(json.loads(re.findall(r'^CMD (\["onscript.*\])$', docker, re.M)[0])) in known
    for package in ("core", "encoder", "intent", "llm", "compliance", "script_store", "services"):
        assert f"COPY {package} {package}" in docker
