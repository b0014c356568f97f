"""The `receive` process: doors → journal. One event loop for the doors, one thread that commits.

Stops gently: it closes the doors, stores what it has read, writes the ledger, and gives the journal's lock back.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import attrs
from aiohttp import web

from samdrift_logs.errors import InputRefused, SamdriftError, StorageFailed
from samdrift_logs.events.sources import RegistryFile
from samdrift_logs.journal import CountersFile, Journal, JournalLimits, Ledger, Quiet, Tally
from samdrift_logs.receive.duplicates import Delivered
from samdrift_logs.receive.elasticsearch import ElasticsearchDoor
from samdrift_logs.receive.framing import MAX_LINE_BYTES
from samdrift_logs.receive.intake import UNKNOWN_PEER, Intake
from samdrift_logs.receive.syslog import SyslogConnection, UdpDoor, tls_context, udp_socket

UPKEEP_S = 1.0
GRACE_S = 10.0


class PortTaken(SamdriftError):
    """A door cannot be opened: another program has the port, or it is not ours to open."""


@attrs.frozen(kw_only=True)
class ReceiveSettings:
    """Where the doors stand. A port that is None is closed; 0 takes any free one. The bulk door uses TLS on wish."""

    data: Path
    host: str = "127.0.0.1"
    bulk_port: int | None = None
    syslog_tcp_port: int | None = None
    syslog_udp_port: int | None = None
    syslog_tls_port: int | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_authorities: Path | None = None  # who may sign client certificates
    bulk_tls: bool = False
    max_line_bytes: int = MAX_LINE_BYTES
    partitions: int = 4
    limits: JournalLimits = attrs.field(factory=JournalLimits)


@attrs.frozen(kw_only=True)
class ReceivePorts:
    """The ports that the doors got."""

    bulk: int | None = None
    syslog_tcp: int | None = None
    syslog_udp: int | None = None
    syslog_tls: int | None = None


def run_receiver(
    settings: ReceiveSettings, stop: threading.Event, *, on_ready: Callable[[ReceivePorts], None] | None = None
) -> None:
    """Receive until `stop` is set. `on_ready` is called once all doors are open.

    Raises PortTaken, JournalInUse, InputRefused (settings) or another StorageFailed, with what to do, before any door
    is open. Full disks and the like later on are answered at the doors and shown in data/run/receive.json; a failed
    sync ends it with StorageFailed, so that whoever supervises it starts it anew on what is truly on the disk.
    """
    asyncio.run(_receive(settings, stop, on_ready))


async def _receive(
    settings: ReceiveSettings, stop: threading.Event, on_ready: Callable[[ReceivePorts], None] | None
) -> None:
    data = settings.data
    journal = Journal(data / "journal", settings.partitions, limits=settings.limits, quiet=Quiet(data))
    ledger = Ledger(data / "ledger")
    tally = Tally(journal, ledger)
    journal.on_committed = tally.on_committed
    delivered = Delivered()
    try:
        journal.start()
        await asyncio.to_thread(tally.catch_up)
        await asyncio.to_thread(delivered.restore, journal)
        intake = Intake(journal, RegistryFile(data / "sources.json"))
        doors = _Doors(settings, intake, delivered)
        counters = CountersFile(data / "run", "receive")
        try:
            ports = await doors.open()
            counters.write({**intake.shown(), "ports": attrs.asdict(ports)})
            if on_ready is not None:
                on_ready(ports)
            while not stop.is_set():
                await asyncio.to_thread(stop.wait, UPKEEP_S)
                doors.count_drops()
                await asyncio.to_thread(_keep_up, journal, tally, intake)
                counters.write({**intake.shown(), "ports": attrs.asdict(ports)})
                if journal.failed is not None:
                    raise StorageFailed(journal.failed)
        finally:
            await doors.close(grace_s=0.5 if journal.failed else GRACE_S)
            counters.write({**intake.shown(), "stopped": True})
    finally:
        journal.close()
        with contextlib.suppress(StorageFailed):  # counted again from the journal at the next start
            tally.flush()
        ledger.close()


def _keep_up(journal: Journal, tally: Tally, intake: Intake) -> None:
    try:
        tally.flush()
        tally.trim()
        journal.measure_backlog()
    except (StorageFailed, OSError) as error:
        intake.last_problem = str(error)


class _Doors:
    """The open doors of one process."""

    def __init__(self, settings: ReceiveSettings, intake: Intake, delivered: Delivered):
        self._settings = settings
        self._intake = intake
        self._delivered = delivered
        self._connections: set[SyslogConnection] = set()
        self._servers: list[asyncio.Server] = []
        self._udp: UdpDoor | None = None
        self._bulk: web.AppRunner | None = None

    async def open(self) -> ReceivePorts:
        """Open every door that has a port. Raises PortTaken or InputRefused."""
        settings = self._settings
        mutual = self._tls_context("syslog_tls", clients=True) if settings.syslog_tls_port is not None else None
        context = self._tls_context("bulk", clients=False) if settings.bulk_tls else None
        return ReceivePorts(
            syslog_tcp=await self._open_stream("syslog_tcp", settings.syslog_tcp_port, None),
            syslog_tls=await self._open_stream("syslog_tls", settings.syslog_tls_port, mutual),
            syslog_udp=self._open_udp(settings.syslog_udp_port),
            bulk=await self._open_bulk(settings.bulk_port, context),
        )

    def count_drops(self) -> None:
        """Take over what the kernel dropped."""
        if self._udp is not None:
            self._udp.count_drops()

    async def close(self, *, grace_s: float) -> None:
        """Close the doors and wait until what they read is in the journal, `grace_s` at most; then it is lost."""
        for server in self._servers:
            server.close()
        draining = [connection.drain() for connection in list(self._connections)]
        if self._udp is not None:
            draining.append(self._udp.drain())
        if self._bulk is not None:
            draining.append(self._bulk.cleanup())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*draining), grace_s)

    def _tls_context(self, door: str, *, clients: bool) -> ssl.SSLContext:
        """Return the server's TLS context; with `clients`, one that asks for a client certificate."""
        settings = self._settings
        authorities = settings.tls_authorities if clients else None
        if settings.tls_certificate is None or settings.tls_key is None or (clients and authorities is None):
            raise InputRefused(
                "TLS wants a certificate, its key and, for syslog, the authorities of client certificates"
            )

        def note(reason: str) -> None:
            self._intake.refuse(door, UNKNOWN_PEER, f"the TLS handshake failed: {reason}")

        try:
            return tls_context(settings.tls_certificate, settings.tls_key, authorities, on_failure=note)
        except (OSError, ssl.SSLError) as error:
            names = ", ".join(str(path) for path in (settings.tls_certificate, settings.tls_key, authorities) if path)
            raise InputRefused(f"the TLS files cannot be used ({names}): {error}") from error

    async def _open_stream(self, door: str, port: int | None, context: ssl.SSLContext | None) -> int | None:
        if port is None:
            return None
        self._intake.door(door)

        def connection() -> SyslogConnection:
            return SyslogConnection(self._intake, door, self._connections, self._settings.max_line_bytes)

        loop = asyncio.get_running_loop()
        bound = _bind(self._settings.host, port, door)
        self._servers.append(await loop.create_server(connection, sock=bound, ssl=context, backlog=512))
        return int(bound.getsockname()[1])

    def _open_udp(self, port: int | None) -> int | None:
        if port is None:
            return None
        try:
            bound = udp_socket(self._settings.host, port)
        except OSError as error:
            raise _port_taken("syslog_udp", self._settings.host, port, error) from error
        self._intake.door("syslog_udp")
        self._udp = UdpDoor(self._intake, bound)
        return int(bound.getsockname()[1])

    async def _open_bulk(self, port: int | None, context: ssl.SSLContext | None) -> int | None:
        if port is None:
            return None
        door = ElasticsearchDoor(self._intake, self._delivered)
        bound = _bind(self._settings.host, port, "bulk")
        self._bulk = web.AppRunner(
            door.application, access_log=None, shutdown_timeout=5, keepalive_timeout=75, auto_decompress=False
        )
        await self._bulk.setup()
        await web.SockSite(self._bulk, bound, ssl_context=context, backlog=512).start()
        return int(bound.getsockname()[1])


def _bind(host: str, port: int, door: str) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise _port_taken(door, host, port, error) from error
    return bound


def _port_taken(door: str, host: str, port: int, error: OSError) -> PortTaken:
    what = {
        errno.EADDRINUSE: "another program has it; stop that one or choose another port",
        errno.EACCES: "ports below 1024 are for the superuser; choose a higher one",
        errno.EADDRNOTAVAIL: "this machine has no such address",
    }.get(error.errno or 0, error.strerror or str(error))
    return PortTaken(f"the door {door} cannot be opened at {host}:{port}: {what}")
