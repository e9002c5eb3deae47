"""Settings are checked at start, and what is wrong is named without being shown."""

from pathlib import Path

import pytest

from core.errors import ConfigurationError
from core.settings import Settings


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "65536"),
        ("LLM_ENGINE", "cloud"),
        ("LLM_DTYPE", "fp8"),
        ("LLM_TOP_P", "1.5"),
        ("LLM_TEMPERATURE", "0"),
        ("LLM_TEMPERATURE", "nan"),
        ("DRAFT_SECONDS", "-1"),
        ("DRAFT_SECONDS", "inf"),
        ("THREADS", "0"),
        ("LOG_LEVEL", "loud"),
        ("MAX_BODY_BYTES", "10"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(f"ONSCRIPT_{variable}", value)
    with pytest.raises(ConfigurationError, match=f"^ONSCRIPT_{variable}: ") as caught:
        Settings()
    assert "docs/settings.md" in caught.value.mend


def test_the_refusal_does_not_repeat_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONSCRIPT_LLM_ENGINE", "sk-hunter2")
    with pytest.raises(ConfigurationError) as caught:
        Settings()
    assert "hunter2" not in str(caught.value.to_dict())
    assert caught.value.__suppress_context__


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    url = "postgresql://me:hunter2@host/db"
    settings = Settings(home=tmp_path, secret="correct horse battery", database_url=url)
    assert settings.url == url
    assert "hunter2" not in repr(settings)
    assert "horse" not in repr(settings)


def test_the_database_lies_in_the_home_folder_unless_a_url_is_given(tmp_path: Path) -> None:
    assert Settings(home=tmp_path).url == f"sqlite:///{tmp_path}/onscript.db"


def test_the_home_folder_is_private(tmp_path: Path) -> None:
    home = Settings(home=tmp_path / "a" / "b").prepare_home()
    assert home.stat().st_mode & 0o777 == 0o700


def test_a_home_folder_that_cannot_be_made_is_told_with_its_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for home in (tmp_path / "file", tmp_path / "file" / "home"):
        with pytest.raises(ConfigurationError, match="home folder") as caught:
            Settings(home=home).prepare_home()
        assert "ONSCRIPT_HOME" in caught.value.mend
