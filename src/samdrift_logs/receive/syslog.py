"""The syslog doors: TCP, TLS with client certificates, UDP.

Whose lines they are comes from the client's certificate (TLS) or the peer's address (TCP, UDP). Plain syslog cannot
answer: at most `FLUSH_S` + one fsync of lines is unsynced at any time. Back-pressure is to stop reading; over UDP that
means that the kernel drops, which is counted as loss. A line is kept as the bytes it was, whatever its encoding.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast
from uuid import UUID

from samdrift_logs.errors import StorageFailed
from samdrift_logs.events import RawBatch
from samdrift_logs.events.sources import PeerSources, Source
from samdrift_logs.receive.framing import MAX_LINE_BYTES, Cut, Framer
from samdrift_logs.receive.hostnames import host_of
from samdrift_logs.receive.intake import Intake

FLUSH_S = 0.05  # lines wait this long for company; with the fsync well under the 200 ms that are promised
FLUSH_BYTES = 1 << 20
UNSYNCED_BYTES = 4 << 20  # of one connection; then it is not read until the journal has caught up
RETRY_S = 0.5
UDP_BUFFER_BYTES = 8 << 20
UDP_READS_PER_WAKE = 500
SO_RCVBUFFORCE = 33  # Linux, not named by Python 3.11


class SyslogConnection(asyncio.Protocol):
    """One TCP or TLS connection."""

    def __init__(self, intake: Intake, door: str, connections: set[SyslogConnection], max_line: int = MAX_LINE_BYTES):
        self._intake = intake
        self._door = door
        self._connections = connections
        self._framer = Framer(max_line=max_line)
        self._collected = Cut()
        self._collected_bytes = 0
        self._unsynced_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._certificate: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Find out whose connection this is; refuse one that is nobody's."""
        self._transport = cast(asyncio.Transport, transport)
        address = transport.get_extra_info("peername")
        self._peer = str(address[0]) if address else "local"
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        secured = transport.get_extra_info("ssl_object")
        if secured is not None:
            self._certificate = hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
        self._connections.add(self)
        self._intake.door(self._door).connections += 1
        if self._owners() is None:
            self._refuse()

    def data_received(self, data: bytes) -> None:
        """Cut what came into lines; send them on after FLUSH_S or when they are many."""
        cut = self._framer.feed(data)
        self._collected.lines += cut.lines
        self._collected.rejects += cut.rejects
        self._collected_bytes += len(data)
        if self._collected_bytes >= FLUSH_BYTES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self.flush)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take what the end of the stream leaves."""
        cut = self._framer.finish()
        self._collected.lines += cut.lines
        self._collected.rejects += cut.rejects
        self._collected_bytes += sum(map(len, cut.lines))
        self.flush()
        if not self._sending:
            self._connections.discard(self)

    def flush(self) -> None:
        """Send what was collected to the journal."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        cut, size = self._collected, self._collected_bytes
        self._collected, self._collected_bytes = Cut(), 0
        if not cut.lines and not cut.rejects:
            return
        owners = self._owners()
        if owners is None:
            self._refuse(len(cut.lines) + len(cut.rejects))
            return
        batches = batches_of(self._intake, self._door, self._peer, owners, cut.lines, cut.rejects)
        self._unsynced_bytes += size
        if self._unsynced_bytes > UNSYNCED_BYTES and self._transport is not None:
            self._transport.pause_reading()
        task = asyncio.get_running_loop().create_task(self._send(batches, size))
        self._sending.add(task)
        task.add_done_callback(self._sent)

    async def drain(self) -> None:
        """Close, and wait until what was read is in the journal."""
        if self._transport is not None:
            self._transport.abort()
        await asyncio.sleep(0.01)  # connection_lost comes in one of the loop's next rounds
        while self._sending:
            await asyncio.wait(set(self._sending))

    async def _send(self, batches: Sequence[RawBatch], size: int) -> None:
        await asyncio.gather(*(accept_in_the_end(self._intake, batch) for batch in batches))
        self._unsynced_bytes -= size
        if self._unsynced_bytes <= UNSYNCED_BYTES and self._transport is not None:
            with contextlib.suppress(RuntimeError):
                self._transport.resume_reading()

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        closing = self._transport is None or self._transport.is_closing()
        if not self._sending and closing and not self._collected_bytes:
            self._connections.discard(self)

    def _owners(self) -> PeerSources | None:
        registry = self._intake.registry
        if self._certificate is not None:
            source = registry.by_certificate(self._certificate)
            return PeerSources((), source) if source else None
        owners = registry.sources_of_peer(self._peer)
        return owners if owners.by_host or owners.otherwise else None

    def _refuse(self, count: int = 1) -> None:
        reason = "no source has this address; give one this network, or use TLS"
        if self._certificate is not None:
            reason = f"no source has the certificate with SHA-256 {self._certificate}"
        self._intake.refuse(self._door, self._peer, reason, count)
        if self._transport is not None:
            self._transport.abort()


class UdpDoor:
    """One UDP socket: each datagram is one line."""

    def __init__(self, intake: Intake, bound: socket.socket):
        self._intake = intake
        self._socket = bound
        self._loop = asyncio.get_running_loop()
        self._sending: set[asyncio.Task[None]] = set()
        self._collected: dict[str, list[bytes]] = {}
        self._collected_bytes = 0
        self._unsynced_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._reading = False
        self._resume()

    def count_drops(self) -> None:
        """Take over from the kernel how many datagrams it dropped for want of room."""
        inode = self._socket.fileno() >= 0 and str(Path(f"/proc/self/fd/{self._socket.fileno()}").readlink())
        number = str(inode).removeprefix("socket:[").removesuffix("]")
        for table in ("/proc/net/udp", "/proc/net/udp6"):
            with contextlib.suppress(OSError):
                for row in Path(table).read_text().splitlines()[1:]:
                    columns = row.split()
                    if columns[9] == number:
                        self._intake.door("syslog_udp").lost = int(columns[12])

    def flush(self) -> None:
        """Send what was collected to the journal."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        collected, self._collected = self._collected, {}
        size, self._collected_bytes = self._collected_bytes, 0
        batches: list[RawBatch] = []
        for peer, lines in collected.items():
            owners = self._intake.registry.sources_of_peer(peer)
            if not owners.by_host and owners.otherwise is None:
                self._intake.refuse("syslog_udp", peer, "no source has this address", len(lines))
                continue
            batches += batches_of(self._intake, "syslog_udp", peer, owners, lines, [])
        if batches:
            self._unsynced_bytes += size
            task = self._loop.create_task(self._send(batches, size))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def drain(self) -> None:
        """Stop reading, and wait until what was read is in the journal."""
        self._pause()
        self.flush()
        while self._sending:
            await asyncio.wait(set(self._sending))
        self.count_drops()
        self._socket.close()

    def _read(self) -> None:
        for _ in range(UDP_READS_PER_WAKE):
            try:
                data, address = self._socket.recvfrom(65_535)
            except OSError:  # nothing more, or an ICMP answer to someone
                break
            line = data.rstrip(b"\n\0\r")
            if line:
                self._collected.setdefault(address[0], []).append(line)
                self._collected_bytes += len(line)
        if self._collected_bytes >= FLUSH_BYTES:
            self.flush()
        elif self._collected and self._timer is None:
            self._timer = self._loop.call_later(FLUSH_S, self.flush)
        if self._unsynced_bytes > UNSYNCED_BYTES:
            self._pause()

    async def _send(self, batches: Sequence[RawBatch], size: int) -> None:
        await asyncio.gather(*(accept_in_the_end(self._intake, batch) for batch in batches))
        self._unsynced_bytes -= size
        self._resume()

    def _pause(self) -> None:
        if self._reading:
            self._loop.remove_reader(self._socket.fileno())
            self._reading = False

    def _resume(self) -> None:
        if not self._reading and self._unsynced_bytes <= UNSYNCED_BYTES and self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket.fileno(), self._read)
            self._reading = True


async def accept_in_the_end(intake: Intake, batch: RawBatch) -> None:
    """Store a batch, trying again for as long as it takes: its sender cannot be told to send again."""
    while True:
        try:
            await intake.accept(batch)
            return
        except StorageFailed:
            try:
                await asyncio.sleep(RETRY_S)
            except asyncio.CancelledError:
                intake.door(batch.door).lost += len(batch.lines) + len(batch.rejects)
                raise


def batches_of(
    intake: Intake,
    door: str,
    peer: str,
    owners: PeerSources,
    lines: Sequence[bytes],
    rejects: Sequence[tuple[bytes, str]],
) -> list[RawBatch]:
    """Give each line to its source. Lines of a host that no source takes are refused and counted."""
    if not owners.by_host and owners.otherwise is not None:
        return [_batch(intake, door, peer, owners.otherwise, list(lines), list(rejects))]
    chosen: dict[UUID, tuple[Source, list[bytes], list[tuple[bytes, str]]]] = {}
    unclaimed = 0
    for line, reason in (*((line, None) for line in lines), *rejects):
        source = owners.choose(host_of(line))
        if source is None:
            unclaimed += 1
            continue
        _, own_lines, own_rejects = chosen.setdefault(source.id, (source, [], []))
        if reason is None:
            own_lines.append(line)
        else:
            own_rejects.append((line, reason))
    if unclaimed:
        intake.refuse(door, peer, "no source of this network takes the host that the line names", unclaimed)
    return [_batch(intake, door, peer, *entry) for entry in chosen.values()]


def _batch(
    intake: Intake, door: str, peer: str, source: Source, lines: list[bytes], rejects: list[tuple[bytes, str]]
) -> RawBatch:
    return RawBatch(
        organisation=source.organisation,
        source=source.id,
        door=door,
        peer=peer,
        received_at=intake.now(),
        lines=lines,
        rejects=rejects,
    )


def udp_socket(host: str, port: int) -> socket.socket:
    """Return a bound, non-blocking UDP socket with as large a buffer as the kernel gives."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)[0]
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        try:
            bound.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, UDP_BUFFER_BYTES)
        except PermissionError:  # only the superuser may go above the system's limit
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_BUFFER_BYTES)
        bound.setblocking(False)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def tls_context(
    certificate: Path, key: Path, authorities: Path | None, *, on_failure: Callable[[str], None]
) -> ssl.SSLContext:
    """Return a server's context: TLS 1.2 or later; with `authorities`, a client certificate by one of them is required.

    `on_failure` is told in OpenSSL's words why a handshake failed: asyncio tells nobody, and no connection is made. Who
    hangs up before the end, as port scans do, is not told of. Raises OSError or ssl.SSLError when the files cannot be
    used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if authorities is not None:
        context.load_verify_locations(cafile=str(authorities))
        context.verify_mode = ssl.CERT_REQUIRED

    class Watched(ssl.SSLObject):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):  # not failed: the peer has not answered yet
                raise
            except ssl.SSLError as error:
                on_failure(error.reason or str(error))
                raise

    context.sslobject_class = Watched
    return context
