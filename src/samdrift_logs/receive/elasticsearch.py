"""The Elasticsearch door: as much of its HTTP interface as shippers need to send logs by `_bulk`, and no more.

Base path "/" or "/es/". A token is taken as `ApiKey`, `Bearer` or the password of `Basic`; it decides whose logs they
are. `_bulk` is answered after the fsync. What a shipper sets up on its way (templates, policies, data streams) is
acknowledged and has no effect here.

References: Elasticsearch's own mock-es ("absolute minimum for filebeat"); docs/reference of the clients in the
conformance tests.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import time
import zlib
from collections.abc import Awaitable, Callable, Sequence
from typing import cast
from uuid import uuid4

import orjson
from aiohttp import web

from samdrift_logs.errors import InputRefused, StorageFailed
from samdrift_logs.events import RawBatch
from samdrift_logs.events.sources import Source, SourceRegistry
from samdrift_logs.journal import JournalFull, Receipt
from samdrift_logs.receive import bulk
from samdrift_logs.receive.bulk import Item
from samdrift_logs.receive.duplicates import Delivered
from samdrift_logs.receive.intake import Intake

DOOR = "bulk"
MAX_BODY_BYTES = 64 << 20  # after decompression
MAX_REQUESTS = 64  # under way at once
BODY_TIMEOUT_S = 60
LARGE_BODY_BYTES = 256 << 10  # read in a thread, so that the other doors go on
VERSION = "9.2.0"
PRODUCT = {"X-Elastic-Product": "Elasticsearch"}
_BEAT = re.compile(r"beat/([0-9]+\.[0-9]+\.[0-9]+)")
_COMPATIBLE = re.compile(r"application/vnd\.elasticsearch\+(?:x-nd)?json\s*;\s*compatible-with=([0-9]+)")
_JSON_TYPES = {"application/json", "application/x-ndjson", "application/vnd.elasticsearch+json"}
_BULK_TYPES = _JSON_TYPES | {"application/vnd.elasticsearch+x-ndjson", ""}
_TERSE = {"errors", "items.*.error", "items.*.status"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BodyRefused(InputRefused):
    """A body that cannot be taken, with the status that says so."""

    def __init__(self, status: int, reason: str):
        self.status = status
        super().__init__(reason)


class ElasticsearchDoor:
    """The handlers of the door; `application` is what aiohttp serves."""

    def __init__(self, intake: Intake, delivered: Delivered, *, max_body: int = MAX_BODY_BYTES):
        self._intake = intake
        self._delivered = delivered
        self._max_body = max_body
        self._under_way = 0
        self._cluster = uuid4().hex[:22]
        self.application = web.Application(client_max_size=max_body, middlewares=[_shaped])
        self.application.router.add_route("*", "/{path:.*}", self._answer)
        intake.door(DOOR)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        source = source_of(self._intake.registry, request.headers.get("Authorization", ""))
        if source is None:
            self._intake.refuse(DOOR, request.remote or "", "the token is missing or belongs to no source")
            return _refusal(401, "security_exception", "the token is missing or belongs to no source")
        path = request.match_info["path"]
        parts = [part for part in path.removeprefix("es/" if path != "es" else "es").split("/") if part]
        if parts and parts[-1] == "_bulk" and len(parts) <= 2 and request.method in ("POST", "PUT"):
            return await self._bulk(request, source, parts[0] if len(parts) == 2 else "")
        return self._ask(request, parts)

    async def _bulk(self, request: web.Request, source: Source, index: str) -> web.Response:
        kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind not in _BULK_TYPES:
            reason = f"Content-Type {kind} is not taken; send application/x-ndjson"
            return _refusal(415, "media_type_header_exception", reason)
        if self._under_way >= MAX_REQUESTS:
            return _busy("too many requests are under way; send again")
        self._under_way += 1
        try:
            began = time.monotonic()
            async with asyncio.timeout(BODY_TIMEOUT_S):
                body = await request.read()
            items = await self._read(request, body, source, index)
            if not items:
                return _refusal(400, "parse_exception", "request body is required")
            # shielded: when the client goes away in the middle, what it sent is stored or not, and known to be
            receipt = await asyncio.shield(self._store(items, source, request.remote or ""))
        except TimeoutError:
            return _refusal(408, "timeout_exception", f"the body took longer than {BODY_TIMEOUT_S} seconds to come")
        except BodyRefused as error:
            return _refusal(error.status, _KINDS[error.status], error.reason)
        except JournalFull as error:
            return _busy(str(error))
        except StorageFailed as error:
            return _refusal(503, "unavailable_shards_exception", str(error))
        finally:
            self._under_way -= 1
        terse = set(request.query.get("filter_path", "").split(",")) == _TERSE
        took_ms = int((time.monotonic() - began) * 1000)
        return _json(request, bulk.reply(items, receipt, took_ms=took_ms, terse=terse))

    async def _read(self, request: web.Request, body: bytes, source: Source, index: str) -> list[Item]:
        packing = request.headers.get("Content-Encoding", "identity").lower()

        def read() -> list[Item]:
            return bulk.parse(unpacked(body, packing, limit=self._max_body), source=source.id, index=index)

        if len(body) < LARGE_BODY_BYTES:
            return read()
        return await asyncio.get_running_loop().run_in_executor(None, read)

    async def _store(self, items: Sequence[Item], source: Source, peer: str) -> Receipt | None:
        """Store what is new; mark duplicates. Raises StorageFailed, and then nothing was stored."""
        await self._delivered.settle([item.key for item in items if item.key is not None])
        keys = _mark_duplicates(items, self._delivered)
        under_way = self._delivered.begin(keys)
        stored = False
        try:
            receipt = await self._intake.accept(self._batch(items, source, peer), keys)
            stored = True
            return receipt
        finally:
            self._delivered.end(keys, under_way, stored=stored)

    def _batch(self, items: Sequence[Item], source: Source, peer: str) -> RawBatch:
        taken = [item for item in items if item.refused is None and not item.duplicate]
        refused = [item for item in items if item.refused is not None]
        for row, item in enumerate(taken):
            item.row = row
        return RawBatch(
            organisation=source.organisation,
            source=source.id,
            door=DOOR,
            peer=peer,
            received_at=self._intake.now(),
            lines=[item.document for item in taken],
            rejects=[(item.document, cast(str, item.refused)) for item in refused],
            duplicates=sum(item.duplicate for item in items),
        )

    def _ask(self, request: web.Request, parts: Sequence[str]) -> web.Response:
        accept = request.headers.get("Accept", "*/*")
        if not any(kind in accept for kind in ("*/*", "application/*", "json", "text/plain")):
            return _refusal(406, "media_type_header_exception", f"Accept {accept} cannot be served; ask for JSON")
        if request.method in ("GET", "HEAD"):
            return self._look_up(request, parts)
        if parts and parts[0].startswith("_") and request.method in ("PUT", "POST", "DELETE"):
            return _json(request, b'{"acknowledged":true}')
        return _refusal(400, "illegal_argument_exception", "logs are taken by POST or PUT on _bulk only")

    def _look_up(self, request: web.Request, parts: Sequence[str]) -> web.Response:
        name = parts[0] if parts else ""
        if name == "":
            return _json(request, self._root(request))
        if name == "_license":
            return _json(request, orjson.dumps({"license": _LICENCE}))
        if name == "_xpack":
            return _json(request, orjson.dumps({"license": _LICENCE, "features": {}}))
        if name == "_cluster" and parts[1:2] == ["health"]:
            return _json(request, orjson.dumps(_HEALTH))
        if name == "_cat" and parts[1:2] == ["health"]:
            now = time.gmtime()
            row = f"{int(time.time())} {time.strftime('%H:%M:%S', now)} samdrift green 1 1 0 0 0 0 0 0 - 100.0%\n"
            return web.Response(text=row, headers=PRODUCT)
        if name in ("_ilm", "_index_template", "_template", "_component_template", "_data_stream", "_ingest"):
            return _refusal(404, "resource_not_found_exception", f"{'/'.join(parts)} is not kept here")
        return _json(request, b"{}")

    def _root(self, request: web.Request) -> bytes:
        beat = _BEAT.search(request.headers.get("User-Agent", ""))
        version = {
            "number": beat[1] if beat else VERSION,  # a Beat refuses a server that is older than itself
            "build_flavor": "default",
            "build_type": "tar",
            "build_hash": "samdrift",
            "build_date": "2026-01-01T00:00:00.000Z",
            "build_snapshot": False,
            "lucene_version": "10.3.0",
            "minimum_wire_compatibility_version": "8.19.0",
            "minimum_index_compatibility_version": "8.0.0",
        }
        about = {
            "name": "samdrift",
            "cluster_name": "samdrift",
            "cluster_uuid": self._cluster,
            "version": version,
            "tagline": "You Know, for Search",
        }
        return orjson.dumps(about)


_KINDS = {
    400: "parse_exception",
    413: "content_too_long_exception",
    415: "media_type_header_exception",
}

_LICENCE = {
    "status": "active",
    "uid": "00000000-0000-0000-0000-000000000000",
    "type": "trial",
    "issue_date": "2026-01-01T00:00:00.000Z",
    "issue_date_in_millis": 1_767_225_600_000,
    "max_nodes": 1000,
    "issued_to": "samdrift",
    "issuer": "samdrift",
    "start_date_in_millis": -1,
}

_HEALTH = {
    "cluster_name": "samdrift",
    "status": "green",
    "timed_out": False,
    "number_of_nodes": 1,
    "number_of_data_nodes": 1,
    "active_primary_shards": 1,
    "active_shards": 1,
    "relocating_shards": 0,
    "initializing_shards": 0,
    "unassigned_shards": 0,
    "delayed_unassigned_shards": 0,
    "number_of_pending_tasks": 0,
    "number_of_in_flight_fetch": 0,
    "task_max_waiting_in_queue_millis": 0,
    "active_shards_percent_as_number": 100.0,
}


def source_of(registry: SourceRegistry, authorization: str) -> Source | None:
    """Return the source whose token an Authorization header carries, or None.

    `ApiKey` and `Bearer` carry the token itself, or base64 of "id:token" as Elastic's clients make it; `Basic` carries
    base64 of "user:token".
    """
    scheme, _, value = authorization.strip().partition(" ")
    value = value.strip()
    if not value or scheme.lower() not in ("apikey", "bearer", "basic"):
        return None
    if scheme.lower() != "basic" and (source := registry.by_token(value)) is not None:
        return source
    try:
        pair = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    _, colon, token = pair.partition(":")
    return registry.by_token(token) if colon and token else None


def unpacked(body: bytes, packing: str, *, limit: int) -> bytes:
    """Undo a Content-Encoding. Checks gzip to its last byte: aiohttp's own unpacking takes a body that was cut short.

    Raises BodyRefused with the status to answer.
    """
    if packing == "identity":
        return body
    if packing not in ("gzip", "x-gzip"):
        raise BodyRefused(415, f"Content-Encoding {packing} is not taken; use gzip")
    parts: list[bytes] = []
    size = 0
    while body:
        member = zlib.decompressobj(wbits=31)
        try:
            parts.append(member.decompress(body, limit + 1 - size))
        except zlib.error as error:
            raise BodyRefused(400, f"the gzip body is damaged: {error}") from error
        size += len(parts[-1])
        if size > limit:
            raise BodyRefused(413, f"the body is larger than {limit} bytes when unpacked; send less at once")
        if not member.eof:
            raise BodyRefused(400, "the gzip body was cut short")
        body = member.unused_data
    return b"".join(parts)


def _mark_duplicates(items: Sequence[Item], delivered: Delivered) -> list[bytes]:
    """Mark what was delivered before, also earlier in the same request; return the keys that are new."""
    fresh: dict[bytes, None] = {}
    for item in items:
        if item.refused is None and item.key is not None:
            item.duplicate = item.key in delivered or item.key in fresh
            fresh[item.key] = None
    return [key for key in fresh if key not in delivered]


@web.middleware
async def _shaped(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give what aiohttp itself refuses (too large, bad gzip) the shape and header that the clients know."""
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge as error:
        return _refusal(413, "content_too_long_exception", f"the body is too large: {error.text}; send less at once")
    except web.HTTPException as error:
        return _refusal(error.status, "http_exception", error.reason)
    except (web.RequestPayloadError, ConnectionResetError, ValueError) as error:
        return _refusal(400, "parse_exception", f"the body cannot be read: {error}")


def _json(request: web.Request, body: bytes) -> web.Response:
    asked = _COMPATIBLE.search(request.headers.get("Accept", ""))
    kind = f"application/vnd.elasticsearch+json;compatible-with={asked[1]}" if asked else "application/json"
    return web.Response(body=body, headers={**PRODUCT, "Content-Type": kind})


def _refusal(status: int, kind: str, reason: str) -> web.Response:
    cause = {"type": kind, "reason": reason}
    body = orjson.dumps({"error": {"root_cause": [cause], **cause}, "status": status})
    headers = {**PRODUCT, "Content-Type": "application/json"}
    if status == 401:
        headers["WWW-Authenticate"] = 'ApiKey, Basic realm="samdrift"'
    return web.Response(status=status, body=body, headers=headers)


def _busy(reason: str) -> web.Response:
    response = _refusal(429, "es_rejected_execution_exception", reason)
    response.headers["Retry-After"] = str(JournalFull.retry_after_s)
    return response
