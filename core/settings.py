"""Every setting of OnScript: environment variables with the prefix ``ONSCRIPT_``.

docs/settings.md lists them all; a test fails when one is missing there.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import ConfigurationError


def _default_home() -> Path:
    return Path.home() / ".local" / "share" / "onscript"


class Settings(BaseSettings):
    """Values from the environment, validated once at start."""

    model_config = SettingsConfigDict(env_prefix="ONSCRIPT_", extra="ignore", frozen=True)

    def __init__(self, **values: Any) -> None:
        """Raises ConfigurationError naming the variable, never its value: that may be secret."""
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            name = "ONSCRIPT_" + "_".join(str(step) for step in first["loc"]).upper()
            raise ConfigurationError(
                f"{name}: {first['msg']}", mend="the settings are described in docs/settings.md"
            ) from None

    home: Path = Field(default_factory=_default_home, description="folder for all we write")
    database_url: SecretStr | None = Field(
        default=None, description="SQLAlchemy URL; default: SQLite in the home folder"
    )
    secret: SecretStr | None = Field(
        default=None, description="keys pseudonyms and digests; default: a file made in home"
    )
    encoder: str = Field(
        default="shipped",
        min_length=1,
        description="shipped, or the folder or hub id of a sentence-transformers model",
    )
    encoder_device: str = Field(
        default="auto",
        pattern=r"^(auto|cpu|cuda(:\d+)?)$",
        description="where a configured encoder runs: auto, cpu, cuda, cuda:1",
    )
    llm_engine: Literal["local", "remote", "off"] = Field(
        default="local", description="where drafts are written"
    )
    llm_model: str = Field(default="house", description="house, a hub id, a path or a remote name")
    llm_dtype: Literal["auto", "fp32", "fp16", "bf16", "int8", "int4"] = Field(
        default="auto", description="precision of a local model; auto: what its card recommends"
    )
    llm_base_url: str | None = Field(
        default=None, description="OpenAI-compatible endpoint of the remote engine"
    )
    llm_api_key: SecretStr | None = Field(default=None, description="bearer key of that endpoint")
    llm_extensions: bool = Field(
        default=True, description="send the remote engine vLLM's parameters (top_k and others)"
    )
    llm_max_new_tokens: Annotated[int, Field(ge=1, le=4096)] = Field(
        default=64, description="longest draft, tokens"
    )
    llm_temperature: Annotated[float, Field(gt=0, le=2)] = Field(
        default=0.95, description="sampling temperature"
    )
    llm_top_k: Annotated[int, Field(ge=1)] = Field(
        default=50, description="sampling: best k tokens"
    )
    llm_top_p: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.95, description="sampling: nucleus share"
    )
    llm_sample: bool = Field(default=False, description="sample instead of greedy decoding")
    llm_workers: Annotated[int, Field(ge=1, le=64)] = Field(
        default=2, description="drafts written at the same time"
    )
    draft_seconds: Annotated[float, Field(gt=0, le=120)] = Field(
        default=8.0, description="longest wait for a draft; then a fallback answers"
    )
    turn_seconds: Annotated[float, Field(gt=0, le=300)] = Field(
        default=15.0, description="longest a turn may hold its conversation"
    )
    packs: Path | None = Field(default=None, description="folder of rule packs; default: shipped")
    threads: Annotated[int, Field(ge=1, le=256)] = Field(
        default=2, description="CPU threads of the encoder and of a local model"
    )
    host: str = Field(default="127.0.0.1", description="address the service listens on")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=8080, description="its port")
    max_body_bytes: Annotated[int, Field(ge=1024)] = Field(
        default=262_144, description="largest request body the service reads"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error"
    )

    @property
    def url(self) -> str:
        """The database URL in force."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.home / 'onscript.db'}"

    def prepare_home(self) -> Path:
        """Make the home folder (private to this user) and return it."""
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigurationError(
                f"the home folder cannot be made: {error.strerror}",
                mend="set ONSCRIPT_HOME to a folder this user may write to",
            ) from error
        return self.home
