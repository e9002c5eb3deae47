"""The console script as people and pipes meet it: real processes, real exit statuses."""

import ast
import copy
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_group

from services.calibrating import DEMO
from services.cli.main import app
from tests.services.parts import SHOP

ONSCRIPT = Path(sys.executable).with_name("onscript")
ROOT = Path(__file__).parents[2]
PACKAGES = ("core", "encoder", "intent", "llm", "compliance", "script_store", "services")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: bytes
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output, one JSON object a line."""
        return [json.loads(line) for line in self.out.decode().splitlines()]


@dataclass(frozen=True)
class Shell:
    """Runs `onscript` with a home folder of its own."""

    home: Path

    def __call__(self, *words: str, given: bytes = b"", **settings: str) -> Done:
        kept = {name: v for name, v in os.environ.items() if not name.startswith("ONSCRIPT_")}
        own = {"ONSCRIPT_HOME": str(self.home)}
        more = {f"ONSCRIPT_{name.upper()}": value for name, value in settings.items()}
        done = subprocess.run(  # noqa: S603 - our own command
            [ONSCRIPT, *words],
            input=given,
            capture_output=True,
            env=kept | own | more,
            cwd=self.home.parent,
            timeout=300,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr.decode())


@pytest.fixture
def fresh(tmp_path: Path) -> Shell:
    """A home folder that does not exist yet."""
    return Shell(tmp_path / "home")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A home folder with tables and the shop's scripts in force."""
    found = Shell(tmp_path_factory.mktemp("cli") / "home")
    assert found("db", "upgrade").status == 0
    done = found("campaign", "load", str(shop_file(found)), "--author=ann", "--approve-as=bob")
    assert done.status == 0, done.err
    return found


def shop_file(shell: Shell, **head: str) -> Path:
    document = copy.deepcopy(SHOP)
    document["campaign"].update(head)  # type: ignore[union-attr]  # a plain dict
    file = shell.home.parent / "shop.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def as_lines(*records: object) -> bytes:
    return b"".join(
        record + b"\n" if isinstance(record, bytes) else json.dumps(record).encode() + b"\n"
        for record in records
    )


def told(done: Done, message: str, mend: str) -> bool:
    """Whether an error was told in words, without a traceback and with what to do."""
    assert done.status == 1
    assert "Traceback" not in done.err
    assert done.out == b""
    return message in done.err and mend in done.err


def test_before_an_upgrade_every_command_says_what_to_do(fresh: Shell) -> None:
    assert told(fresh("campaign", "list"), "tables", "run: onscript db upgrade")
    assert told(fresh("key", "create", "me"), "tables", "run: onscript db upgrade")
    assert told(fresh("audit", "verify"), "tables", "run: onscript db upgrade")


@pytest.mark.slow
def test_the_heavier_commands_say_it_too(fresh: Shell, tmp_path: Path) -> None:
    file = str(shop_file(fresh))
    for words in (
        ("turn", "--campaign", "shop"),
        ("chat",),
        ("serve",),
        ("scripts", "match", "--campaign", "shop"),
        ("scripts", "list", "--campaign", "shop"),
        ("campaign", "load", file),
        ("conversation", "waiting"),
        ("audit", "export", str(tmp_path / "log")),
    ):
        assert told(fresh(*words), "tables", "run: onscript db upgrade"), words
    assert "run: onscript db upgrade" in fresh("worker", "--once").err


def test_an_upgrade_may_be_repeated(fresh: Shell) -> None:
    first, again = fresh("db", "upgrade"), fresh("db", "upgrade")
    assert (first.status, again.status) == (0, 0)
    assert first.lines == again.lines
    assert first.lines[0]["database"] == "sqlite"


def test_a_wrong_setting_and_a_silent_server_are_told(fresh: Shell) -> None:
    assert told(fresh("db", "upgrade", port="abc"), "ONSCRIPT_PORT", "docs/settings.md")
    nobody = "postgresql://someone@127.0.0.1:9/onscript?connect_timeout=2"
    assert told(
        fresh("db", "upgrade", database_url=nobody), "cannot be reached", "ONSCRIPT_DATABASE_URL"
    )
    assert not fresh.home.exists()


@pytest.mark.slow
def test_a_home_that_is_a_file_is_told(fresh: Shell) -> None:
    fresh.home.write_text("in the way")
    assert told(fresh("db", "upgrade"), "home folder", "ONSCRIPT_HOME")


@pytest.mark.slow
def test_loading_a_campaign_again_changes_nothing(shell: Shell) -> None:
    file = str(shop_file(shell))
    done = shell("campaign", "load", file, "--author=ann", "--approve-as=bob")
    assert done.status == 0
    assert [report["campaign"] for report in done.lines] == ["shop", "global.en"]
    assert done.lines[0]["enforced"] == []
    assert len(done.lines[0]["unchanged"]) == len(SHOP["scripts"]) - 1
    assert "unknown_slot" in done.lines[0]["refused"]["no.value"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--author=ann", "--approve-as=Ann "], "never its author"),
        (["--approve-as=bob"], "--author"),
    ],
)
def test_one_person_cannot_approve(shell: Shell, words: list[str], message: str) -> None:
    assert told(shell("campaign", "load", str(shop_file(shell)), *words), message, "")


def test_a_campaign_file_that_is_none_is_told(shell: Shell, tmp_path: Path) -> None:
    missing = shell("campaign", "load", str(tmp_path / "nothing.json"))
    assert told(missing, "No such file", "nothing.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    assert told(shell("campaign", "load", str(tmp_path / "binary.json")), "not JSON", "UTF-8")
    wrong = str(shop_file(shell, jurisdiction="FR"))
    assert told(shell("campaign", "load", wrong), "campaign.jurisdiction", "docs/campaign-file.md")


def test_campaigns_and_scripts_are_listed(shell: Shell) -> None:
    listed = {line["key"]: line for line in shell("campaign", "list").lines}
    assert set(listed) == {"shop", "global.en"}
    assert listed["shop"]["in_force"] == len(SHOP["scripts"]) - 1
    scripts = shell("scripts", "list", "--campaign", "shop").lines
    assert {(s["author"], s["approver"]) for s in scripts} == {("ann", "bob")}
    unknown = shell("scripts", "list", "--campaign", "nothing")
    assert told(unknown, "no campaign 'nothing'", "onscript campaign list")


def test_lines_are_answered_in_order_whatever_they_hold(fresh: Shell) -> None:
    given = as_lines(
        {"text": "你好"},
        b"{broken",
        b"",
        b"[]",
        {"text": 5},
        b'{"text": "\xff\xfe"}',
        {"text": "\ud800"},
        {"text": "", "lang": 3},
        b"[" * 100_000,
        {"text": "别再给我发短信了", "lang": "zh"},
    )
    done = fresh("compliance", "check", "--direction", "inbound", given=given)
    assert done.status == 1
    assert done.err == ""
    codes = [line.get("error", {}).get("code", "answered") for line in done.lines]
    bad = "invalid_input"
    assert codes == [
        "answered", bad, bad, bad, bad, "answered", "answered", bad, bad, "answered",
    ]  # fmt: skip
    assert done.lines[-1]["opt_out"] is True
    assert "opt_out" not in done.lines[1]


@pytest.mark.slow
def test_a_draft_is_checked_by_the_law_of_its_place(fresh: Shell) -> None:
    given = as_lines(
        {"text": "保证收益，稳赚不赔！", "jurisdiction": "CN"},
        {"text": "We deliver on weekdays.", "lang": "en", "jurisdiction": "US"},
    )
    done = fresh("compliance", "check", "--direction", "outbound", given=given)
    assert done.status == 0
    blocked, allowed = done.lines
    assert (blocked["action"], allowed["action"]) == ("block", "allow")
    finding = blocked["findings"][0]
    assert "保证收益，稳赚不赔！"[finding["start"] : finding["end"]]
    assert finding["citation"]


@pytest.mark.slow
def test_a_direction_is_inbound_or_outbound(fresh: Shell) -> None:
    wrong = fresh("compliance", "check", "--direction", "sideways")
    assert told(wrong, "--direction is inbound or outbound", "")


@pytest.mark.slow
def test_memory_is_planned_in_parts_that_add_up(fresh: Shell) -> None:
    plan = fresh("llm", "plan", "--params", "7B").lines[0]
    parts = ("weights", "kv_cache", "activations", "cuda_context", "buffer", "gradients")
    assert plan["weights"] == pytest.approx(7e9 * 2 / 2**30, abs=0.001)
    assert plan["total"] == pytest.approx(sum(plan[p] for p in (*parts, "optimiser")), abs=0.01)
    assert told(fresh("llm", "plan", "--params", "many"), "no number", "7B")
    assert told(fresh("llm", "plan"), "--params", "--model")


@pytest.mark.slow
def test_a_key_is_shown_once(shell: Shell) -> None:
    made = shell("key", "create", "integrator")
    assert made.lines[0]["key"].startswith("osk_")
    assert made.lines[0]["key"].encode() not in (shell.home / "onscript.db").read_bytes()
    assert told(shell("key", "create", "integrator"), "already", "another name")
    assert shell("key", "revoke", "integrator").status == 0
    assert told(shell("key", "revoke", "integrator"), "no key in use", "")


def test_the_log_is_verified_and_exported(shell: Shell, tmp_path: Path) -> None:
    report = shell("audit", "verify").lines[0]
    assert report["ok"]
    assert report["entries"] > len(SHOP["scripts"])
    file = tmp_path / "log.jsonl"
    exported = shell("audit", "export", str(file))
    assert exported.status == 0
    assert shell("audit", "verify", str(file)).lines[0] == {
        "ok": True,
        "entries": exported.lines[0]["entries"],
        "head": exported.lines[0]["head"],
    }
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:2] + lines[3:]))
    broken = shell("audit", "verify", str(file))
    assert broken.status == 1
    assert broken.lines[0]["fault"]["seq"] == 3
    assert told(shell("audit", "export", str(tmp_path / "no" / "log")), "No such file", "another")


def test_nobody_waits_and_the_worker_looks_once(shell: Shell) -> None:
    waiting = shell("conversation", "waiting")
    assert (waiting.status, waiting.out) == (0, b"")
    looked = shell("worker", "--once")
    assert looked.status == 0
    assert json.loads(looked.err)["event"] == "ledger_ok"
    assert told(shell("conversation", "release", "nothing", "--by=ann"), "no such", "")


@pytest.mark.slow
def test_turns_end_to_end(model_home: Path, tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    shell.home.mkdir()
    (shell.home / "models").symlink_to(model_home / "models")
    assert shell("db", "upgrade").status == 0
    for name in DEMO.values():
        file = str(ROOT / "services" / "demo" / f"{name}.json")
        assert shell("campaign", "load", file, "--author=ann", "--approve-as=bob").status == 0
    given = as_lines(
        {"conversation": "c1", "text": "这个保险多少钱？", "message_id": "m1"},
        {"conversation": "c1", "text": "这个保险多少钱？", "message_id": "m1"},
        {"conversation": "c1", "text": "换一句", "message_id": "m1"},
        b"{broken",
        {"conversation": "c1", "text": ""},
        {"conversation": "c2", "text": "\u200b\u202e\ud800"},
        {"conversation": "c3", "text": "别再联系我了"},
        {"conversation": "c3", "text": "多少钱？"},
        {"conversation": "c4", "text": "转人工"},
        {"text": "no conversation"},
    )
    done = shell("turn", "--campaign", DEMO["zh"], given=given)
    assert done.status == 1
    first, again, other, broken, *_, stopped, silent, person, homeless = done.lines
    assert first["reply"]
    assert again["reply"] == first["reply"]
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert other["error"]["code"] == "conflict"
    assert broken["error"]["code"] == homeless["error"]["code"] == "invalid_input"
    assert (stopped["route"], stopped["source"]) == ("stop", "stop")
    assert silent["reply"] is None
    assert person["route"] == "handoff"
    stages = sum(stage["milliseconds"] for stage in first["trace"]["stages"])
    assert stages == pytest.approx(first["trace"]["milliseconds"], abs=0.05)
    assert [line["conversation"] for line in shell("conversation", "waiting").lines] == [
        person["conversation"]
    ]
    assert shell("conversation", "release", person["conversation"], "--by=ann").status == 0
    assert shell("conversation", "waiting").lines == []
    unknown = shell(
        "turn", "--campaign", "nothing", given=as_lines({"conversation": "c", "text": "hi"})
    )
    assert (unknown.status, unknown.lines[0]["error"]["code"]) == (1, "not_found")
    assert shell("audit", "verify").lines[0]["ok"]


@pytest.mark.slow
def test_drafts_are_matched_and_intents_predicted(shell: Shell, model_home: Path) -> None:
    if not (shell.home / "models").exists():
        (shell.home / "models").symlink_to(model_home / "models")
    given = as_lines(
        {"text": "The box costs $24.00 a week.", "customer": "how much is the box"},
        {"text": "The box costs $99.00 a week.", "customer": "how much is the box"},
        {"draft": "?"},
    )
    done = shell("scripts", "match", "--campaign", "shop", given=given)
    right, vetoed, wrong = done.lines
    assert done.status == 1
    assert right["match"] == "price.box"
    assert vetoed["match"] is None
    assert wrong["error"]["code"] == "invalid_input"
    predicted = shell("intent", "predict", given=as_lines({"text": "请不要再给我打电话了"}, b"?"))
    assert predicted.status == 1
    assert predicted.lines[0]["label"] == "opt_out"
    assert predicted.lines[0]["route"] == "stop"


def commands_in(source: Path) -> set[str]:
    """Commands that the texts of a source file tell people to run."""
    texts = [
        node.value
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return {
        found.strip()
        for text in texts
        for found in re.findall(r"(?:: |`)onscript ((?:[a-z][a-z-]* ?){1,2})", text)
    }


def test_every_command_that_a_message_names_exists() -> None:
    groups = get_group(app)
    named = {
        command: path.name
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for command in commands_in(path)
    }
    assert "db upgrade" in named
    for command, place in named.items():
        group, *rest = command.split()
        found = groups.commands.get(group)
        assert found is not None, f"{place}: onscript {command}"
        inner = getattr(found, "commands", None)
        assert inner is None or (rest and rest[0] in inner), f"{place}: onscript {command}"
