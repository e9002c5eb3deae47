"""The installation's secret: private, made once, and never replaced behind anyone's back."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import ConfigurationError
from core.secret import Pseudonyms, load_pseudonyms
from core.settings import Settings


def test_the_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    first = load_pseudonyms(settings).of("person", "+8613800000000")
    file = tmp_path / "home" / "secret.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(file.read_bytes()) == 32
    assert load_pseudonyms(settings).of("person", "+8613800000000") == first


def test_processes_that_start_together_share_one_secret(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with ThreadPoolExecutor(16) as starting:
        names = starting.map(lambda _: load_pseudonyms(settings).of("a", "b"), range(64))
        assert len(set(names)) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["secret.key"]


def test_two_installations_name_the_same_person_differently(tmp_path: Path) -> None:
    here, there = (load_pseudonyms(Settings(home=tmp_path / name)) for name in ("a", "b"))
    assert here.of("person", "ann") != there.of("person", "ann")


@pytest.mark.parametrize("left", [b"", b"short"])
def test_a_damaged_secret_is_not_replaced(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "secret.key").write_bytes(left)
    with pytest.raises(ConfigurationError, match="damaged") as caught:
        load_pseudonyms(Settings(home=tmp_path))
    assert "backup" in caught.value.mend
    assert (tmp_path / "secret.key").read_bytes() == left


def test_a_given_secret_needs_no_file(tmp_path: Path) -> None:
    load_pseudonyms(Settings(home=tmp_path, secret="sixteen letters!"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigurationError, match="too short"):
        load_pseudonyms(Settings(home=tmp_path, secret="fifteen letters"))


def test_a_secret_that_cannot_be_read_or_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "secret.key").mkdir()
    with pytest.raises(ConfigurationError):
        load_pseudonyms(Settings(home=tmp_path))


def test_kind_and_value_are_kept_apart() -> None:
    names = Pseudonyms(b"0" * 32)
    assert names.of("a", "bc") != names.of("ab", "c")
    assert len(names.of("person", "\ud800 half a character")) == 64
