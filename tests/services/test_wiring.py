"""The composition root: what it needs, what it refuses, and the whole of it at work."""

from pathlib import Path

import pytest

from core.clock import SystemClock, new_id
from core.database import Database
from core.errors import ArtifactError, ConfigurationError, InvalidInput, Unavailable
from core.settings import Settings
from llm.types import DraftFailed, FailureReason, Prompt
from services.calibrating import DEMO, demo_file
from services.campaigns import CampaignLoader
from services.schema import upgrade
from services.types import TurnRequest
from services.wiring import (
    build_compliance,
    build_database,
    build_drafting,
    build_runtime,
    require_schema,
)

PROMPT = Prompt("en", (), "", "test", "")


def test_the_database_is_made_in_the_home_folder(tmp_path: Path) -> None:
    database = build_database(Settings(home=tmp_path / "new"))
    upgrade(database)
    database.close()
    assert (tmp_path / "new" / "onscript.db").is_file()


def test_a_database_without_tables_is_refused_with_its_mend(empty_database: Database) -> None:
    with pytest.raises(ConfigurationError) as caught:
        require_schema(empty_database)
    assert caught.value.mend == "run: onscript db upgrade"
    upgrade(empty_database)
    require_schema(empty_database)


def test_nothing_is_loaded_before_the_database_is_there(tmp_path: Path) -> None:
    steps: list[str] = []
    with pytest.raises(ConfigurationError, match="tables"):
        build_runtime(Settings(home=tmp_path), progress=steps.append)
    url = "postgresql://someone@127.0.0.1:9/onscript?connect_timeout=2"
    with pytest.raises(Unavailable):
        build_runtime(Settings(home=tmp_path, database_url=url), progress=steps.append)
    assert steps == []


def test_without_an_engine_every_draft_fails_at_once(tmp_path: Path) -> None:
    drafting, identity = build_drafting(Settings(home=tmp_path, llm_engine="off"), SystemClock())
    draft = drafting.draft(PROMPT, 1)
    assert isinstance(draft, DraftFailed)
    assert draft.reason is FailureReason.UNAVAILABLE
    assert identity == "off"


def test_a_remote_engine_needs_its_endpoint(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build_drafting(Settings(home=tmp_path, llm_engine="remote"), SystemClock())
    assert "ONSCRIPT_LLM_BASE_URL" in caught.value.mend


def test_a_remote_engine_that_is_not_there_is_a_failed_draft(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path,
        llm_engine="remote",
        llm_model="some-model",
        llm_base_url="http://127.0.0.1:9/v1",
    )
    drafting, identity = build_drafting(settings, SystemClock())
    assert isinstance(drafting.draft(PROMPT, 2), DraftFailed)
    assert "some-model" in identity


@pytest.mark.slow
def test_a_local_model_that_is_not_there_is_told(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, llm_model=str(tmp_path / "nothing"))
    with pytest.raises(ConfigurationError) as caught:
        build_drafting(settings, SystemClock())
    assert caught.value.mend


def test_a_folder_without_rule_packs_is_refused(tmp_path: Path) -> None:
    with pytest.raises((ConfigurationError, InvalidInput)):
        build_compliance(Settings(home=tmp_path, packs=tmp_path / "nothing"))


@pytest.mark.slow
def test_the_whole_runtime_answers_in_both_languages(model_home: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").symlink_to(model_home / "models")
    settings = Settings(home=home)
    database = build_database(settings)
    upgrade(database)
    loader = CampaignLoader(database, build_compliance(settings), SystemClock())
    for name in DEMO.values():
        loader.load(demo_file(name), "ann", "bob")
    database.close()
    steps: list[str] = []
    runtime = build_runtime(settings, progress=steps.append)
    for language, text in (("zh", "你好，这个保险多少钱？"), ("en", "Hi, how much is it?")):
        answer = runtime.turn(TurnRequest(DEMO[language], new_id(), text, new_id()))
        texts = {
            script.text
            for common in (runtime.shelf.library(DEMO[language]), runtime.shelf.common(language))
            if common is not None
            for script in common._by_key.values()
        }
        assert answer.trace["reply"]["parts"]
        assert {part["text"] for part in answer.trace["reply"]["parts"]} <= texts
        stages = sum(stage["milliseconds"] for stage in answer.trace["stages"])
        assert stages == pytest.approx(answer.trace["milliseconds"], abs=0.05)
    assert "loading the language model" in steps
    runtime.close()


def test_broken_packs_are_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("rules: [", encoding="utf-8")
    with pytest.raises((ConfigurationError, InvalidInput, ArtifactError)):
        build_compliance(Settings(home=tmp_path, packs=tmp_path))
