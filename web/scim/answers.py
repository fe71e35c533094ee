"""Answers in SCIM's own form: resources, lists and errors (RFC 7644 3.12); never a page, never a cookie."""

import json
import logging
from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from flask import Response
from pydantic import ValidationError
from scim2_models import Error, SCIMException
from werkzeug.exceptions import HTTPException

from idm.errors import (
    ConfigurationInvalid,
    DecidedMeanwhile,
    FeedRefused,
    InvalidInput,
    NotFound,
    PushConflict,
    PushTokenRefused,
    Refusal,
    TooManyPushes,
)

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/scim+json"
STATUSES: Mapping[type[Refusal], tuple[int, str | None]] = {
    PushTokenRefused: (401, None),
    TooManyPushes: (429, None),
    NotFound: (404, None),
    PushConflict: (409, "uniqueness"),
    DecidedMeanwhile: (409, None),
    FeedRefused: (400, "invalidValue"),
    InvalidInput: (400, "invalidValue"),
    ConfigurationInvalid: (503, None),
    Refusal: (403, None),
}
SHOWN_PROBLEMS = 10
WAIT_SECONDS = 60


def answer(payload: Mapping[str, Any] | None, status: int = 200, **headers: str) -> Response:
    """A resource, a list or nothing."""
    content = json.dumps(payload, ensure_ascii=False) if payload is not None else ""
    return Response(content, status=status, content_type=CONTENT_TYPE, headers=headers)


def error(status: int, detail: str, kind: str | None = None, **headers: str) -> Response:
    """What went wrong, and what to do about it."""
    return answer(Error(status=status, detail=detail, scim_type=kind).model_dump(), status, **headers)


def refused(refusal: Refusal) -> Response:
    """A refusal of an operation; of what is wrong with a person, every problem by the name of its attribute."""
    status, kind = next(STATUSES[one] for one in type(refusal).__mro__ if one in STATUSES)
    said = refusal.message
    if isinstance(refusal, FeedRefused):
        said = " ".join([said, *(str(problem) for problem in refusal.problems[:SHOWN_PROBLEMS])])
    if isinstance(refusal, PushTokenRefused):
        return error(status, said, kind, **{"WWW-Authenticate": "Bearer"})
    if isinstance(refusal, TooManyPushes | ConfigurationInvalid):
        return error(status, said, kind, **{"Retry-After": str(WAIT_SECONDS)})
    return error(status, said, kind)


def wrong_request(fault: SCIMException) -> Response:
    """What scim2-models found wrong with a request."""
    return answer(fault.to_error().model_dump(), fault.status)


def wrong_resource(fault: ValidationError) -> Response:
    """The same of a resource."""
    found = Error.from_validation_errors(fault)[0]
    return answer(found.model_dump(), int(found.status or 400))


def http_error(fault: HTTPException) -> Response:
    """What Flask refuses."""
    return error(fault.code or 500, fault.description or fault.name)


def broken(fault: Exception) -> Response:
    """A fault of ours: nothing of it is told but a number, by which it is found in the log."""
    number = token_hex(4)
    log.error("fault %s", number, exc_info=fault)
    return error(500, f"処理できませんでした（{number}）。管理者に知らせてください。")
