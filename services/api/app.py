"""The HTTP application: turns, traces, health. Everything it needs comes with the runtime."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Annotated, Any, TypedDict, cast

from fastapi import Depends, FastAPI, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.access import authenticate
from services.api.limits import BodyLimit
from services.api.problems import install
from services.api.schemas import Health, Problem, ReplyOut, TraceOut, TurnIn, TurnOut
from services.conversations import read_decision, release, waiting
from services.types import Answer, Source, TurnRequest
from services.wiring import Runtime, require_schema

_DESCRIPTION = """\
OnScript answers customers with approved scripts and nothing else.

Send each message once to `POST /v1/turns` with an id of your own; send it again after a broken
connection and you get the same answer. What `reply.text` holds is what the customer may read, byte
for byte; `null` means: send nothing. Every error has one shape (RFC 9457)."""

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": text}
    for status, text in {
        401: "no valid API key",
        404: "not found",
        409: "message id reused with another text, or the conversation is busy",
        413: "too large",
        422: "the request cannot be used",
        503: "try again; nothing was recorded",
    }.items()
}


class State(TypedDict):
    """What the application keeps for its lifetime."""

    runtime: Runtime


_bearer = HTTPBearer(auto_error=False, description="API key: onscript key create NAME")


def _runtime(request: Request) -> Runtime:
    return cast(Runtime, request.state.runtime)


def _caller(
    runtime: Annotated[Runtime, Depends(_runtime)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> str:
    return authenticate(runtime.database, credentials.credentials if credentials else "")


Running = Annotated[Runtime, Depends(_runtime)]
Caller = Annotated[str, Depends(_caller)]


def create_app(runtime: Runtime) -> FastAPI:
    """The application over a built runtime; closing it closes the runtime."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        yield {"runtime": runtime}
        runtime.close()

    app = FastAPI(
        title="OnScript",
        version=version("onscript"),
        description=_DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
    )
    app.add_middleware(BodyLimit, largest=runtime.settings.max_body_bytes)
    install(app)
    _turns(app)
    _conversations(app)
    _health(app)
    return app


def _turns(app: FastAPI) -> None:
    @app.post("/v1/turns", response_model=TurnOut, responses=_PROBLEMS, tags=["turns"])
    def take_turn(body: TurnIn, runtime: Running, caller: Caller) -> TurnOut:
        """Answer one message. Idempotent by `conversation` and `message_id`."""
        answer = runtime.turn(
            TurnRequest(
                campaign=body.campaign,
                conversation=body.conversation,
                text=body.text,
                message_id=body.message_id,
                customer=body.customer,
            )
        )
        return _turn_out(answer)

    @app.get(
        "/v1/turns/{decision_id}", response_model=TraceOut, responses=_PROBLEMS, tags=["turns"]
    )
    def read_turn(decision_id: str, runtime: Running, caller: Caller) -> dict[str, Any]:
        """The full trace of a decision, as it was recorded."""
        return dict(read_decision(runtime.database, decision_id).trace)


def _conversations(app: FastAPI) -> None:
    @app.get("/v1/conversations/waiting", responses=_PROBLEMS, tags=["conversations"])
    def list_waiting(runtime: Running, caller: Caller) -> list[dict[str, object]]:
        """Conversations that wait for a person, longest first."""
        return waiting(runtime.database)

    @app.post(
        "/v1/conversations/{conversation:path}/release",
        status_code=204,
        responses=_PROBLEMS,
        tags=["conversations"],
    )
    def release_conversation(conversation: str, runtime: Running, caller: Caller) -> Response:
        """A person gives the conversation back to the bot."""
        release(runtime.database, runtime.clock, conversation, caller)
        return Response(status_code=204)


def _health(app: FastAPI) -> None:
    @app.get("/healthz", response_model=Health, tags=["health"])
    async def alive() -> Health:
        """The process lives."""
        return Health(status="ok")

    @app.get("/readyz", response_model=Health, responses={503: _PROBLEMS[503]}, tags=["health"])
    def ready(runtime: Running) -> Health:
        """Database reachable and current, every library built: turns can be taken."""
        require_schema(runtime.database)
        campaigns = len(runtime.shelf.warm())
        return Health(status="ok", detail=f"{campaigns} campaigns in force")


def _turn_out(answer: Answer) -> TurnOut:
    trace = answer.trace
    reply = trace["reply"]
    return TurnOut(
        id=answer.id,
        replayed=answer.replayed,
        reply=ReplyOut(**{name: reply[name] for name in ("text", "source", "reason", "key")}),
        route=trace["route"]["route"],
        intent=trace["intent"]["label"],
        confidence=trace["intent"]["confidence"],
        handoff=reply["source"] == Source.HANDOFF.value
        or reply["reason"] in {"held_by_a_person", "no_approved_reply"},
    )
