"""Loading a campaign file: check it, write what changed, bring scripts into force with two names.

Loading is idempotent: a script whose words did not change keeps its version. A script that the
compliance filter blocks is kept, in review, and is not approved; the report says why.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from sqlalchemy.orm import Session

from compliance.ledger.chain import Event
from compliance.ledger.repository import LedgerRepository
from compliance.types import Action
from core.clock import Clock
from core.database import Database
from core.errors import InvalidInput
from core.json import canonical
from core.text import clean_text, primary_language
from intent.types import Label
from script_store.lifecycle import Step, check_four_eyes
from script_store.repository import ScriptRepository, content_sha256
from script_store.slots import format_value, render, slot_names
from script_store.types import (
    Campaign,
    CatalogueValue,
    ScriptContent,
    ScriptVersion,
    SlotType,
    State,
)
from services.policy import routes_of
from services.ports import Compliance

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
Sentence = Annotated[str, Field(min_length=1, max_length=2000)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class CatalogueEntry(_Model):
    """One product fact."""

    type: SlotType
    value: str
    currency: str = ""
    label: str = ""
    options: tuple[str, ...] = ()


class PolicyEntry(_Model):
    """Where this campaign's routes differ from the default table."""

    routes: dict[str, str] = {}
    threshold: Annotated[float, Field(gt=0, le=1)] | None = None


class CampaignEntry(_Model):
    """The head of a campaign file."""

    key: Key
    language: str
    jurisdiction: Literal["CN", "US", "EU", "UK"]
    domain: Literal["insurance", "finance", "education", "health", "telecom", "general"]
    name: str = ""
    seller: str = ""
    product: str = ""
    catalogue: dict[str, CatalogueEntry] = {}
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
    stage: str | None = None
    risk: str | None = None


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


@dataclass
class LoadReport:
    """What loading did, by script key."""

    campaign: str
    enforced: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    in_review: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    not_in_file: list[str] = field(default_factory=list)  # in force before and left so


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


class CampaignLoader:
    """Writes campaign files into the library."""

    def __init__(self, database: Database, compliance: Compliance, clock: Clock) -> None:
        self._database = database
        self._compliance = compliance
        self._clock = clock

    def load(
        self, parsed: CampaignFile, author: str | None, approver: str | None
    ) -> list[LoadReport]:
        """Create or update a campaign, all or nothing.

        With an approver the scripts come into force, and so do the language's starter scripts
        where they are not yet. Raises NotAllowed when author and approver are one person.
        """
        if approver is not None:
            check_four_eyes(author or "", approver)
        writer = author or "import"
        reports = []
        at = self._clock.now()
        with self._database.begin() as session:
            reports.append(self._write(session, parsed, writer, approver, at))
            if approver is not None:
                starter = parse_campaign(starter_file(parsed.campaign.language).read_bytes())
                known = {c.key for c, _ in ScriptRepository(session).campaigns()}
                if starter.campaign.key not in known:
                    reports.append(self._write(session, starter, writer, approver, at))
        return reports

    def _write(
        self,
        session: Session,
        parsed: CampaignFile,
        author: str,
        approver: str | None,
        at: datetime,
    ) -> LoadReport:
        repository, ledger = ScriptRepository(session), LedgerRepository(session)
        campaign = to_campaign(parsed)
        report = LoadReport(campaign.key)
        if repository.put_campaign(campaign, at):
            ledger.append(
                Event.CAMPAIGN_CHANGED,
                {"campaign": campaign.key, "version": campaign.version, "by": approver or author},
                at,
            )
        for entry in parsed.scripts:
            content = to_content(entry)
            latest = repository.latest(campaign.key, entry.key)
            version = latest
            if latest is None or latest.sha256 != content_sha256(content):
                version = repository.add_version(campaign.key, entry.key, content, author, at)
                version = repository.step(version.id, Step.SUBMIT, author, at)
                _note(ledger, Event.SCRIPT_SUBMITTED, version, author, at)
            if version is not None:
                self._enforce(repository, ledger, campaign, version, approver, at, report)
        keys = {entry.key for entry in parsed.scripts}
        report.not_in_file = [
            version.key for version in repository.in_force(campaign.key) if version.key not in keys
        ]
        if report.enforced:
            repository.touch(campaign.key)
        return report

    def _enforce(
        self,
        repository: ScriptRepository,
        ledger: LedgerRepository,
        campaign: Campaign,
        version: ScriptVersion,
        approver: str | None,
        at: datetime,
        report: LoadReport,
    ) -> None:
        if version.state is State.IN_FORCE:
            report.unchanged.append(version.key)
            return
        if approver is None or version.state is not State.IN_REVIEW:
            report.in_review.append(version.key)
            return
        refused = self._why_refused(campaign, version)
        if refused:
            report.refused[version.key] = refused
            return
        check_four_eyes(version.author, approver)
        approved = repository.step(version.id, Step.APPROVE, approver, at)
        _note(ledger, Event.SCRIPT_APPROVED, approved, approver, at)
        enforced = repository.step(version.id, Step.ENFORCE, approver, at)
        _note(ledger, Event.SCRIPT_ENFORCED, enforced, approver, at)
        report.enforced.append(version.key)

    def _why_refused(self, campaign: Campaign, version: ScriptVersion) -> str | None:
        """Why the words may not be approved: a slot without data, or a rule that blocks them."""
        try:
            text = render(version.content.text, campaign.catalogue, campaign.language)
        except InvalidInput as error:
            return error.message
        verdict = self._compliance.screen_out(
            text,
            language=campaign.language,
            jurisdiction=campaign.jurisdiction,
            domain=campaign.domain,
        )
        if verdict.action is not Action.BLOCK:
            return None
        blocking = [f for f in verdict.findings if f.action is Action.BLOCK]
        chinese = primary_language(campaign.language) == "zh"
        return "; ".join(
            f"{f.rule} ({f.citation}): {f.reason_zh if chinese else f.reason_en}" for f in blocking
        )


def _note(
    ledger: LedgerRepository, event: Event, version: ScriptVersion, by: str, at: datetime
) -> None:
    body = {
        "campaign": version.campaign,
        "key": version.key,
        "version": version.id,
        "number": version.number,
        "sha256": version.sha256,
        "by": by,
    }
    ledger.append(event, body, at)


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
