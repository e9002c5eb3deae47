"""Loading a campaign file: write what changed, bring scripts into force with two names.

Loading is idempotent: a script whose words did not change keeps its version. A script that the
compliance filter blocks is kept, in review, and is not approved; the report says why.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from compliance.ledger.chain import Event
from compliance.ledger.repository import LedgerRepository
from compliance.types import Action
from core.clock import Clock
from core.database import Database
from core.errors import InvalidInput, NotFound
from core.text import primary_language
from script_store.lifecycle import Step, check_four_eyes
from script_store.repository import ScriptRepository, content_sha256
from script_store.slots import render
from script_store.types import Campaign, ScriptVersion, State
from services.campaign_file import (
    CampaignFile,
    parse_campaign,
    starter_file,
    to_campaign,
    to_content,
)
from services.inbox import check_id
from services.ports import Compliance


@dataclass
class LoadReport:
    """What loading did, by script key."""

    campaign: str
    enforced: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    in_review: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    not_in_file: list[str] = field(default_factory=list)  # in force before and left so


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
            check_id("approver", approver)
        writer = check_id("author", author or "import")
        files = [parsed]
        if approver is not None:
            starter = parse_campaign(starter_file(parsed.campaign.language).read_bytes())
            files += [starter] if starter.campaign.key != parsed.campaign.key else []
        # the rules are run before anything is written, so that no other writer waits for them
        refusals = [self._refusals(each) if approver else {} for each in files]
        at = self._clock.now()
        with self._database.begin() as session:
            return [
                self._write(session, each, refused, writer, approver, at)
                for each, refused in zip(files, refusals, strict=True)
            ]

    def _write(
        self,
        session: Session,
        parsed: CampaignFile,
        refused: Mapping[str, str],
        author: str,
        approver: str | None,
        at: datetime,
    ) -> LoadReport:
        repository, ledger = ScriptRepository(session), LedgerRepository(session)
        campaign = to_campaign(parsed)
        report = LoadReport(campaign.key, refused=dict(refused))
        ledger.lock()
        if repository.put_campaign(campaign, at, approved=approver is not None):
            body = {"campaign": campaign.key, "version": campaign.version}
            ledger.append(
                Event.CAMPAIGN_CHANGED, body | {"author": author, "approver": approver}, at
            )
        for entry in parsed.scripts:
            content = to_content(entry)
            latest = repository.latest(campaign.key, entry.key)
            version = latest
            if (
                latest is None
                or latest.sha256 != content_sha256(content)
                or latest.state is State.RETIRED
            ):
                version = repository.add_version(campaign.key, entry.key, content, author, at)
                version = repository.step(version.id, Step.SUBMIT, author, at)
                _note(ledger, Event.SCRIPT_SUBMITTED, version, author, at)
            if version is not None:
                _enforce(repository, ledger, version, approver, at, report)
        keys = {entry.key for entry in parsed.scripts}
        report.not_in_file = [
            version.key for version in repository.in_force(campaign.key) if version.key not in keys
        ]
        if report.enforced:
            repository.touch(campaign.key)
        return report

    def _refusals(self, parsed: CampaignFile) -> dict[str, str]:
        """Why scripts of a file may not be approved, by key."""
        campaign = to_campaign(parsed)
        keys = {entry.key for entry in parsed.scripts}
        found = {}
        for entry in parsed.scripts:
            if entry.risk is not None and entry.risk not in keys:
                found[entry.key] = f"its risk text {entry.risk} is not in the file"
                continue
            why = self._why_refused(campaign, entry.text)
            if why:
                found[entry.key] = why
        return found

    def _why_refused(self, campaign: Campaign, words: str) -> str | None:
        """A slot without data, or a rule that blocks the words."""
        try:
            text = render(words, campaign.catalogue, campaign.language)
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

    def retire(self, campaign: str, key: str, by: str) -> None:
        """Take a script out of force at once. Raises NotFound when it is not in force."""
        check_id("name", by)
        at = self._clock.now()
        with self._database.begin() as session:
            repository, ledger = ScriptRepository(session), LedgerRepository(session)
            ledger.lock()
            repository.campaign(campaign)
            current = repository.current(campaign, key)
            if current is None:
                raise NotFound(f"no version of {key!r} is in force in {campaign}")
            _note(
                ledger,
                Event.SCRIPT_RETIRED,
                repository.step(current.id, Step.RETIRE, by, at),
                by,
                at,
            )
            repository.touch(campaign)


def _enforce(
    repository: ScriptRepository,
    ledger: LedgerRepository,
    version: ScriptVersion,
    approver: str | None,
    at: datetime,
    report: LoadReport,
) -> None:
    """Approve a version and bring it into force, in place of the one before it."""
    if version.state is State.IN_FORCE:
        report.unchanged.append(version.key)
        report.refused.pop(version.key, None)
        return
    if approver is None or version.state is not State.IN_REVIEW:
        report.in_review.append(version.key)
        return
    if version.key in report.refused:
        return
    check_four_eyes(version.author, approver)
    before = repository.current(version.campaign, version.key)
    approved = repository.step(version.id, Step.APPROVE, approver, at)
    _note(ledger, Event.SCRIPT_APPROVED, approved, approver, at)
    enforced = repository.step(version.id, Step.ENFORCE, approver, at)
    if before is not None:
        _note(ledger, Event.SCRIPT_RETIRED, before, approver, at)
    _note(ledger, Event.SCRIPT_ENFORCED, enforced, approver, at)
    report.enforced.append(version.key)


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
