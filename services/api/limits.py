"""A request body larger than the service reads is refused before anything parses it."""

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.errors import TooLarge
from services.api.problems import problem


class BodyLimit:
    """ASGI middleware: counts the bytes that really arrive, whatever Content-Length says."""

    def __init__(self, app: ASGIApp, largest: int) -> None:
        self._app = app
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            if len(body) > self._largest:
                await self._refuse()(scope, receive, send)
                return
            if not message.get("more_body", False):
                break
        delivered = False

        async def replay() -> Message:
            nonlocal delivered
            if delivered:
                return await receive()
            delivered = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)

    def _refuse(self) -> Response:
        return problem(
            TooLarge(
                f"the request body is larger than {self._largest} bytes",
                mend="send shorter messages, or raise ONSCRIPT_MAX_BODY_BYTES",
            )
        )
