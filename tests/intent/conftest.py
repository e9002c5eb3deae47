"""A model trained on a small corpus, once for all tests."""

from pathlib import Path

import pytest

from tests.intent.small import HashEncoder, small_corpus, write_corpus


@pytest.fixture(scope="session")
def encoder() -> HashEncoder:
    """The small encoder."""
    return HashEncoder()


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, encoder: HashEncoder) -> Path:
    """A folder with a model trained on the small corpus."""
    from intent.train import train  # noqa: PLC0415 - loads torch, which most tests do not need

    root = tmp_path_factory.mktemp("intent")
    train(encoder, root / "model", write_corpus(root / "corpus", small_corpus()), seed=3)
    return root / "model"
