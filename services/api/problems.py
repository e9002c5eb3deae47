"""Every error leaves as problem details (RFC 9457) and tells nothing it should not."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from core.errors import InvalidInput, NotFound, OnScriptError, Unauthenticated, Unavailable
from core.telemetry import logger

MEDIA_TYPE = "application/problem+json"
_log = logger("api")


def problem(error: OnScriptError) -> JSONResponse:
    """The response that tells an error."""
    headers = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Unavailable) or error.code == "busy":
        headers["Retry-After"] = "1"
    body = {
        "type": f"/problems/{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        "mend": error.mend,
    }
    return JSONResponse(body, error.status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(OnScriptError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OnScriptError)  # noqa: S101 - registered for this class only
    if error.status >= 500:
        _log.error("request_failed", path=request.url.path, code=error.code, detail=error.message)
        if error.status == 500:
            return problem(OnScriptError("something is set up wrongly; an operator was told"))
    return problem(error)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """Where and what, never the value: it may be a customer's words."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    first = error.errors()[0]
    place = ".".join(str(step) for step in first["loc"])
    return problem(
        InvalidInput(f"{place}: {first['msg']}", mend="see /docs for the form of each request")
    )


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    if error.status_code == 404:
        return problem(NotFound("there is nothing at this address", mend="see /docs"))
    if error.status_code == 400:
        return problem(InvalidInput("the request body cannot be read", mend="send JSON in UTF-8"))
    shaped = OnScriptError(str(error.detail))
    shaped.status, shaped.code, shaped.title = error.status_code, "http", str(error.detail)
    return problem(shaped)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.error("unexpected", path=request.url.path, kind=type(error).__name__)
    return problem(OnScriptError("an unexpected error; nothing was recorded"))
