"""The campaign file: its form, checked field by field, and what it becomes."""

import json
import unicodedata
from collections.abc import Iterable
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.errors import InvalidInput
from core.json import canonical
from core.text import clean_text, has_content, primary_language
from intent.types import Label
from script_store.slots import format_value, slot_names
from script_store.types import Campaign, CatalogueValue, ScriptContent, SlotType
from services.policy import routes_of

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]


def _readable(value: str) -> str:
    """Stripped; refused when nothing can be seen or something cannot be seen."""
    text = value.strip()
    if clean_text(text) != text or not has_content(text):
        raise ValueError("the text is empty or holds invalid characters")
    unseen = {c for c in text if unicodedata.category(c) in {"Cc", "Cf"}} - {"\n", "\u200d"}
    if unseen:
        raise ValueError(f"the text holds invisible characters: U+{ord(min(unseen)):04X}")
    return text


def _storable(value: str) -> str:
    if clean_text(value) != value:
        raise ValueError("it holds invalid characters")
    return value


Sentence = Annotated[str, Field(max_length=2000), AfterValidator(_readable)]
Line = Annotated[str, Field(max_length=200), AfterValidator(_storable)]
Word = Annotated[str, Field(max_length=40), AfterValidator(_storable)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class CatalogueEntry(_Model):
    """One product fact."""

    type: SlotType
    value: Line
    currency: Word = ""
    label: Line = ""
    options: tuple[Line, ...] = ()


class PolicyEntry(_Model):
    """Where this campaign's routes differ from the default table."""

    routes: dict[str, str] = {}
    threshold: Annotated[float, Field(gt=0, le=1)] | None = None


class CampaignEntry(_Model):
    """The head of a campaign file."""

    key: Key
    language: Annotated[str, Field(max_length=35), AfterValidator(_storable)]
    jurisdiction: Literal["CN", "US", "EU", "UK"]
    domain: Literal["insurance", "finance", "education", "health", "telecom", "general"]
    name: Line = ""
    seller: Line = ""
    product: Line = ""
    catalogue: dict[Word, CatalogueEntry] = {}
    policy: PolicyEntry = PolicyEntry()

    @field_validator("language")
    @classmethod
    def _spoken(cls, value: str) -> str:
        if value.lower().split("-")[0] not in {"zh", "en"}:
            raise ValueError("the language must be a BCP 47 tag of Chinese or English: zh-CN, en")
        return value


class ScriptEntry(_Model):
    """One script of a campaign file."""

    key: Key
    text: Sentence
    paraphrases: tuple[Sentence, ...] = ()
    questions: tuple[Sentence, ...] = ()
    intent: Label | None = None
    stage: Word | None = None
    risk: Key | None = None


class CampaignFile(_Model):
    """The whole file."""

    campaign: CampaignEntry
    scripts: tuple[ScriptEntry, ...] = ()

    @field_validator("scripts")
    @classmethod
    def _unique(cls, scripts: tuple[ScriptEntry, ...]) -> tuple[ScriptEntry, ...]:
        seen: set[str] = set()
        for script in scripts:
            if script.key in seen:
                raise ValueError(f"the key {script.key} stands twice")
            seen.add(script.key)
        return scripts


def parse_campaign(raw: bytes) -> CampaignFile:
    """Read a campaign file. Raises InvalidInput naming the field and what is wrong with it."""
    try:
        document = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            "the file is not JSON in UTF-8", mend="save it as UTF-8 JSON and try again"
        ) from error
    try:
        parsed = CampaignFile.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise InvalidInput(
            f"{place}: {first['msg']}" + _more(error.error_count()),
            mend="the form is described in docs/campaign-file.md",
        ) from error
    routes_of(parsed.campaign.policy.routes)
    for name, value in _catalogue(parsed).items():
        try:
            format_value(value, parsed.campaign.language)
        except InvalidInput as error:
            raise InvalidInput(f"catalogue.{name}: {error.message}", mend=error.mend) from error
    for script in parsed.scripts:
        try:
            slot_names(script.text)
        except InvalidInput as error:
            raise InvalidInput(f"scripts.{script.key}: {error.message}", mend=error.mend) from error
    return parsed


def _more(count: int) -> str:
    return f" (and {count - 1} more)" if count > 1 else ""


def starter_file(language: str) -> Path:
    """The language's common scripts: fallback, handoff, opt-out, disclosure."""
    name = {"zh": "global-zh-CN.json", "en": "global-en.json"}[primary_language(language)]
    return Path(str(files("services"))) / "demo" / name


def to_content(entry: ScriptEntry) -> ScriptContent:
    """A file's script as immutable content."""
    return ScriptContent(
        text=clean_text(entry.text.strip()),
        paraphrases=_clean(entry.paraphrases),
        questions=_clean(entry.questions),
        intent=entry.intent.value if entry.intent else None,
        stage=entry.stage,
        risk=entry.risk,
    )


def _clean(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(clean_text(text.strip()) for text in texts)


def _catalogue(parsed: CampaignFile) -> dict[str, CatalogueValue]:
    return {
        name: CatalogueValue(e.type, e.value, e.currency, e.label, e.options)
        for name, e in parsed.campaign.catalogue.items()
    }


def to_campaign(parsed: CampaignFile) -> Campaign:
    """A file's head as a campaign, with the hash of its configuration as its version."""
    head = parsed.campaign
    values = {
        "key": head.key,
        "name": head.name or head.key,
        "language": head.language,
        "jurisdiction": head.jurisdiction,
        "domain": head.domain,
        "seller": head.seller,
        "product": head.product,
        "catalogue": _catalogue(parsed),
        "routes": dict(head.policy.routes),
        "threshold": head.policy.threshold,
    }
    return Campaign(**values, version=sha256(canonical(values)).hexdigest())  # type: ignore[arg-type]  # one dict of the fields above
