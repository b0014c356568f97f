"""How the feeder's lines leave: `_bulk` over HTTP with a token, or octet-counted syslog over TCP from an own address.

A sender never sends again what was acknowledged. The bulk sender keeps what was not and sends it again with the same
`_id`, so that the receiver can tell a repeat from news. Plain syslog has no answer: what the kernel took is counted as
sent, and a broken connection is counted, not guessed at.
"""

from __future__ import annotations

import asyncio
import gzip
from collections import deque
from typing import Any

import aiohttp
import attrs
import orjson

from samdrift.cli.demo.plan import Door, Feed

MOST_WAITING = 20_000
BULK_LINES = 500
BULK_BYTES = 1_000_000
_WAIT_S = (0.1, 0.3, 1.0, 2.0)


@attrs.define
class Counts:
    """What became of a feed's lines. generated = acknowledged + refused + waiting (bulk), = sent + waiting (syslog).

    `held_back` were not even made, because too many were waiting. `repeats` counts lines sent more than once.
    """

    generated: int = 0
    sent: int = 0
    acknowledged: int = 0
    refused: int = 0
    repeats: int = 0
    held_back: int = 0
    connections: int = 0
    failures: int = 0
    last_failure: str | None = None


class Sender:
    """What both senders share: the waiting lines and the counts."""

    def __init__(self, feed: Feed, door: Door):
        self.feed = feed
        self.door = door
        self.counts = Counts()
        self.waiting: deque[tuple[str, bytes]] = deque()
        self._news = asyncio.Event()
        self._stopping = False

    def has_room(self) -> bool:
        """Tell whether another line may be made; a door that is slow or away must not fill our memory."""
        return len(self.waiting) < MOST_WAITING

    def put(self, number: str, line: bytes) -> None:
        """Take one line to send; `number` is unique in the whole run."""
        self.counts.generated += 1
        self.waiting.append((number, line))
        self._news.set()

    def finish(self) -> None:
        """Send what is waiting, then end."""
        self._stopping = True
        self._news.set()

    async def _wait_for_news(self) -> bool:
        """Return False when there is nothing more to send, ever."""
        while not self.waiting:
            if self._stopping:
                return False
            self._news.clear()
            await self._news.wait()
        return True

    async def _pause_after_failure(self, reason: str, in_a_row: int) -> None:
        self.counts.failures += 1
        self.counts.last_failure = reason
        await asyncio.sleep(_WAIT_S[min(in_a_row, len(_WAIT_S) - 1)])


class BulkSender(Sender):
    """Sends to an Elasticsearch `_bulk` door; an item is done when its own status says so."""

    async def run(self) -> None:
        """Send until finished. Every failure is tried again, except items that the door refuses for good."""
        headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
        if self.feed.token:
            headers["Authorization"] = f"ApiKey {self.feed.token}"
        url = f"http://{self.door.host}:{self.door.port}{self.door.path}"
        in_a_row, most = 0, BULK_LINES
        async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=30)) as session:
            self.counts.connections += 1
            while await self._wait_for_news():
                batch = self._next_batch(most)
                try:
                    status, reply = await self._post(session, url, batch)
                except asyncio.CancelledError:
                    self._keep(batch)
                    raise
                except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                    self._keep(batch)
                    await self._pause_after_failure(f"{type(error).__name__}: {error}", in_a_row)
                    in_a_row += 1
                    continue
                if status == 413 and len(batch) > 1:
                    most = max(1, len(batch) // 2)
                    self._keep(batch)
                elif status != 200:
                    self._keep(batch)
                    await self._pause_after_failure(f"HTTP {status}: {reply.get('error', '')}"[:300], in_a_row)
                    in_a_row += 1
                else:
                    in_a_row = 0
                    if self._settle(batch, reply):
                        await self._pause_after_failure("some lines were put off", 0)

    async def _post(
        self, session: aiohttp.ClientSession, url: str, batch: list[tuple[str, bytes]]
    ) -> tuple[int, dict[str, Any]]:
        body = b"".join(
            b'{"create":{"_index":"winlogbeat-8.15.3","_id":"%s"}}\n%s\n' % (number.encode(), line)
            for number, line in batch
        )
        async with session.post(url, data=gzip.compress(body, 1)) as response:
            content = await response.read()
            if response.status != 200:
                return response.status, {"error": content[:200].decode(errors="replace")}
            reply = orjson.loads(content)
            if len(reply.get("items", ())) != len(batch):
                raise ValueError(f"the answer has {len(reply.get('items', ()))} items for {len(batch)} lines")
            return 200, reply

    def _next_batch(self, most: int) -> list[tuple[str, bytes]]:
        batch: list[tuple[str, bytes]] = []
        size = 0
        while self.waiting and len(batch) < most and size < BULK_BYTES:
            entry = self.waiting.popleft()
            size += len(entry[1])
            batch.append(entry)
        self.counts.sent += len(batch)
        return batch

    def _keep(self, batch: list[tuple[str, bytes]]) -> None:
        self.counts.sent -= len(batch)
        self.counts.repeats += len(batch)
        self.waiting.extendleft(reversed(batch))

    def _settle(self, batch: list[tuple[str, bytes]], reply: dict[str, Any]) -> int:
        """Take each item's own answer; return how many must be sent again."""
        again = []
        for entry, item in zip(batch, reply["items"], strict=True):
            status = next(iter(item.values()))["status"]
            if status < 300 or status == 409:  # 409: it had been taken before, and the answer was lost
                self.counts.acknowledged += 1
            elif status == 429 or status >= 500:
                again.append(entry)
            else:
                self.counts.refused += 1
        if again:
            self._keep(again)
        return len(again)


class SyslogSender(Sender):
    """Sends octet-counted frames (RFC 6587) over TCP from the feed's own loopback address."""

    async def run(self) -> None:
        """Send until finished, connecting anew when the door goes away."""
        in_a_row = 0
        while await self._wait_for_news():
            try:
                reader, writer = await asyncio.open_connection(
                    self.door.host, self.door.port, local_addr=(self.feed.bind, 0) if self.feed.bind else None
                )
            except OSError as error:
                await self._pause_after_failure(f"cannot connect: {error}", in_a_row)
                in_a_row += 1
                continue
            self.counts.connections += 1
            try:
                await self._send_all(reader, writer)
                in_a_row = 0
            except OSError as error:
                await self._pause_after_failure(f"connection lost: {error}", in_a_row)
                in_a_row += 1
            finally:
                writer.close()

    async def _send_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await self._wait_for_news():
            if reader.at_eof():
                raise ConnectionError("the door closed the connection")
            frames: list[bytes] = []
            while self.waiting and len(frames) < BULK_LINES:
                line = self.waiting.popleft()[1]
                frames.append(b"%d %s" % (len(line), line))
            writer.write(b"".join(frames))
            self.counts.sent += len(frames)
            await writer.drain()
        writer.write_eof()
        try:  # the door closes when it has read all: then nothing is left in any buffer on the way
            await asyncio.wait_for(reader.read(), timeout=10)
        except TimeoutError:
            self.counts.last_failure = "the door did not close the connection within 10 s"
