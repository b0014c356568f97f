"""How the REST API lets somebody in: a bearer token, a purpose per operation, problems as RFC 9457 says."""

from __future__ import annotations

import contextlib
import inspect
import json
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, TypeVar

import structlog
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import HttpBearer

from samdrift.federation import boundary, operations
from samdrift.federation.rules import Actor
from samdrift.foundation import scoped
from samdrift_logs.errors import InputRefused, SamdriftError, ScopeRefused, StorageFailed
from samdrift_logs.scope import Purpose

Operation = TypeVar("Operation", bound=Callable[..., Any])

log = structlog.get_logger(__name__)


class FaultOut(Schema):
    """One thing that is wrong in a request, and where: ["query", "limit"], ["body", "given", "title"]."""

    place: list[str]
    reason: str


class ProblemOut(Schema):
    """What went wrong, as RFC 9457 says it."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FaultOut] | None = None
    column: int | None = None


PROBLEMS = {
    400: "The input cannot be used: a query that is none, a time without a zone",
    401: "No valid token",
    403: "Outside what the token or its person may do",
    404: "There is no such thing within what the caller may see",
    409: "Not possible in this state",
    422: "The request is not valid; errors says where",
    503: "The store does not answer",
}


class DescribedApi(NinjaAPI):
    """An API whose description tells its problems, too."""

    def get_openapi_schema(self, **named: Any) -> Any:
        """Return the description with what every operation may answer beside success."""
        schema = super().get_openapi_schema(**named)
        schemas = schema["components"]["schemas"]
        described = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(described.pop("$defs"))
        schemas["ProblemOut"] = described
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}
        for operations_there in schema["paths"].values():
            for operation in operations_there.values():
                for status, description in PROBLEMS.items():
                    operation["responses"][str(status)] = {"description": description, "content": content}
        return schema


class TokenDoor(HttpBearer):
    """`Authorization: Bearer <token>`. The token names a person, an organisation and what it may be used for."""

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:
        try:
            return operations.authenticate_token(secret=token, at=timezone.now())
        except operations.TokenRefused:
            return None


def purpose(wanted: Purpose) -> Callable[[Operation], Operation]:
    """Declare what an operation looks at data for, and run it inside the Scope that this gives its caller."""

    def declare(operation: Operation) -> Operation:
        @wraps(operation)
        def within(request: HttpRequest, *args: Any, **named: Any) -> Any:
            with entered(request, wanted):
                return operation(request, *args, **named)

        within.purpose = wanted  # type: ignore[attr-defined]
        # ninja resolves annotations in this module's names; the operation's own module has them.
        within.__signature__ = inspect.signature(operation, eval_str=True)  # type: ignore[attr-defined]
        return within  # type: ignore[return-value]

    return declare


@contextlib.contextmanager
def entered(request: HttpRequest, wanted: Purpose) -> Iterator[None]:
    """Enter the caller's Scope for `wanted`. Raises ScopeRefused, which the door answers with 403."""
    request.at = timezone.now()  # type: ignore[attr-defined]
    scope = boundary.scope_for(actor_of(request), wanted, at=request.at)  # type: ignore[attr-defined]
    request.scope = scope  # type: ignore[attr-defined]
    with scoped.entered(scope):
        yield


def actor_of(request: HttpRequest) -> Actor:
    """Return who calls."""
    actor: Actor = request.auth  # type: ignore[attr-defined]
    return actor


def problem(request: HttpRequest, *, status: int, title: str, detail: str, **more: Any) -> HttpResponse:
    """Answer with application/problem+json (RFC 9457)."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "instance": request.path, **more}
    response = JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})
    response["Content-Type"] = "application/problem+json"
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="Samdrift"'
    return response


@csrf_exempt
def no_operation(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Answer at an address where no operation is."""
    detail = "There is no operation at this address; /api/v1/openapi.json describes those there are."
    return problem(request, status=404, title="Not found", detail=detail)


def with_problems(view: Callable[..., Any]) -> Callable[..., HttpResponse]:
    """Turn ninja's answer to a method that no operation takes into a problem, too; refuse U+0000 before ninja reads."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        if _holds_nul(request):
            detail = "The request holds the character NUL (U+0000), which no text here may hold. Send it without."
            return problem(request, status=400, title="The input cannot be used", detail=detail)
        response = view(request, *args, **named)
        if response.status_code != 405:
            return response
        detail = f"{request.method} is not taken here, but {response['Allow']} is."
        told = problem(request, status=405, title="Method not taken", detail=detail)
        told["Allow"] = response["Allow"]
        return told

    return answer


def _holds_nul(request: HttpRequest) -> bool:
    asked = [text for name, values in request.GET.lists() for text in (name, *values)]
    return any("\x00" in text for text in (request.path, *asked)) or _body_holds_nul(request.body)


def _body_holds_nul(body: bytes) -> bool:
    """Tell whether JSON holds U+0000. Only JSON that has its escape is read here; what is no JSON, ninja refuses."""
    if b"\\u0000" not in body:
        return False
    try:
        return "\x00" in "".join(_texts(json.loads(body)))
    except (ValueError, RecursionError):
        return False


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


class MalformedRequest(InputRefused):
    """A request whose content is no value of the declared kind."""


def install_problems(api: NinjaAPI) -> None:
    """Turn every anticipated error into a problem that says what happened and what to do."""

    @api.exception_handler(AuthenticationError)
    def unknown(request: HttpRequest, error: Any) -> HttpResponse:
        return problem(
            request,
            status=401,
            title="No valid token",
            detail="Send 'Authorization: Bearer <token>' with a token that is neither expired nor revoked.",
        )

    @api.exception_handler(ScopeRefused)
    def refused(request: HttpRequest, error: Any) -> HttpResponse:
        return problem(request, status=403, title="Outside your scope", detail=str(error))

    @api.exception_handler(Http404)
    def missing(request: HttpRequest, error: Any) -> HttpResponse:
        detail = "There is no such thing within what you may see."
        return problem(request, status=404, title="Not found", detail=detail)

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: Any) -> HttpResponse:
        errors = [{"place": [str(part) for part in found["loc"]], "reason": found["msg"]} for found in error.errors]
        return problem(request, status=422, title="The request is not valid", detail="See errors.", errors=errors)

    @api.exception_handler(HttpError)
    def http_error(request: HttpRequest, error: Any) -> HttpResponse:
        return problem(request, status=error.status_code, title="The request cannot be taken", detail=str(error))

    @api.exception_handler(InputRefused)
    def input_refused(request: HttpRequest, error: Any) -> HttpResponse:
        place = {"column": error.column} if error.column is not None else {}
        return problem(request, status=400, title="The input cannot be used", detail=error.reason, **place)

    @api.exception_handler(StorageFailed)
    def storage_failed(request: HttpRequest, error: Any) -> HttpResponse:
        return problem(request, status=503, title="The store does not answer", detail=str(error))

    @api.exception_handler(SamdriftError)
    def conflict(request: HttpRequest, error: Any) -> HttpResponse:
        return problem(request, status=409, title="Not possible in this state", detail=str(error))

    @api.exception_handler(Exception)
    def failed(request: HttpRequest, error: Any) -> HttpResponse:
        log.error("api.request.failed", path=request.path, method=request.method, exc_info=error)
        got_request_exception.send(sender=NinjaAPI, request=request)
        detail = "We failed. Nothing more is known here; the operators find the reason in the log."
        return problem(request, status=500, title="Internal error", detail=detail)
