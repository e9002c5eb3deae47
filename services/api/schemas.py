"""What the HTTP service takes and gives."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

_ID = Field(min_length=1, max_length=200)


class TurnIn(BaseModel):
    """One message of a customer."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "campaign": "brightline-broadband",
                    "conversation": "chat-1042",
                    "message_id": "m-1",
                    "text": "how much is the 500 plan?",
                    "customer": "web-visitor-77",
                }
            ]
        },
    )

    campaign: Annotated[str, _ID, Field(description="key of a loaded campaign")]
    conversation: Annotated[str, _ID, Field(description="your id of the dialogue")]
    message_id: Annotated[
        str, _ID, Field(description="your id of this message; sending it again repeats the answer")
    ]
    text: Annotated[str, Field(description="what the customer wrote, 1 to 20,000 characters")]
    customer: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=200,
            description="your id of the person; an opt-out then holds in every conversation",
        ),
    ] = None


class ReplyOut(BaseModel):
    """What to send to the customer."""

    text: str | None = Field(
        description="the approved text, byte for byte; null: send nothing (opted out, or a person "
        "has taken over, or nothing approved can be said)"
    )
    source: str = Field(description="script, match, fallback, handoff, stop or none")
    reason: str = Field(description="why this reply, as a stable word")
    key: str | None = Field(description="key of the script")


class TurnOut(BaseModel):
    """The answer to one message."""

    id: str = Field(description="decision id: GET /v1/turns/{id} gives the full trace")
    replayed: bool = Field(description="true when this message had been answered before")
    reply: ReplyOut
    route: str = Field(description="script, llm, handoff, stop or fallback")
    intent: str
    confidence: float = Field(description="calibrated, 0..1")
    handoff: bool = Field(description="a person should look at this conversation")


class TraceOut(BaseModel):
    """Every step of one decision with its scores; customer text only in redacted form."""

    model_config = ConfigDict(extra="allow")

    id: str
    conversation: str
    campaign: str
    stages: list[dict[str, Any]]
    milliseconds: float


class Health(BaseModel):
    """Whether the service lives or can take turns."""

    status: str
    detail: str = ""


class Problem(BaseModel):
    """Problem details (RFC 9457): the one shape of every error."""

    type: str = Field(description="a stable URI reference per kind of error")
    title: str
    status: int
    detail: str
    code: str
    mend: str = Field(default="", description="what to do about it")
