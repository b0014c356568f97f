"""The syslog doors over real sockets, with rsyslog as a real client."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import ipaddress
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from samdrift_logs.errors import StorageFailed
from samdrift_logs.events.sources import RegistryFile, Source
from samdrift_logs.journal import Journal, JournalLimits
from samdrift_logs.receive.intake import Intake
from samdrift_logs.receive.syslog import UdpDoor, udp_socket
from samdrift_logs.runner.receive import PortTaken, ReceiveSettings
from tests.samdrift_logs.receive.running import LOCAL, ODENSE, Receiver, wait_until

RSYSLOGD = "/usr/sbin/rsyslogd"


def connected(receiver: Receiver) -> socket.socket:
    return socket.create_connection(("127.0.0.1", receiver.ports.syslog_tcp or 0), timeout=10)


def test_tcp_lines_are_in_the_journal_within_200_ms(receiver: Receiver) -> None:
    with connected(receiver) as sender:
        sender.sendall(b"<13>first\n6 <13>s\n")
        began = time.monotonic()
        lines = receiver.wait_for_lines(2)
        took = time.monotonic() - began

    assert lines == [b"<13>first", b"<13>s"]
    assert took < 0.6  # 50 ms for company, an fsync, and this machine's other work
    (batch,) = receiver.batches()
    assert (batch.organisation, batch.source, batch.door, batch.peer) == (ODENSE, LOCAL.id, "syslog_tcp", "127.0.0.1")


def test_tcp_end_of_connection_loses_nothing(receiver: Receiver) -> None:
    with connected(receiver) as sender:
        sender.sendall(b"<13>a\n<13>b without LF")

    assert receiver.wait_for_lines(2) == [b"<13>a", b"<13>b without LF"]


def test_tcp_one_megabyte_line_and_one_that_is_too_long(receiver: Receiver) -> None:
    whole = b"<13>" + b"x" * 1_000_000
    with connected(receiver) as sender:
        sender.sendall(whole + b"\n" + b"y" * 3_000_000 + b"\n<13>after\n")

    assert receiver.wait_for_lines(2) == [whole, b"<13>after"]
    (reject,) = [reject for batch in receiver.batches() for reject in batch.rejects]
    assert (len(reject[0]), reject[1]) == (65_536, "longer than 2097152 bytes; the first 65536 are kept")


def test_tcp_wrong_encoding_is_kept_as_it_came(receiver: Receiver) -> None:
    with connected(receiver) as sender:
        sender.sendall(b"<13>K\xf8benhavn \xff\xfe\n")

    assert receiver.wait_for_lines(1) == [b"<13>K\xf8benhavn \xff\xfe"]


def test_tcp_unknown_peer_is_closed_and_counted(receiver: Receiver) -> None:
    receiver.write_registry(attrs.evolve(LOCAL, networks=("127.9.9.9/32",)), version=2)
    wait_until(lambda: receiver.counters()["registry"]["version"] == 2)  # type: ignore[index]

    with connected(receiver) as sender:
        assert _closed(sender)

    wait_until(lambda: receiver.counters()["refused"] != [])
    (refused,) = receiver.counters()["refused"]  # type: ignore[misc]
    assert (refused["door"], refused["peer"], refused["count"]) == ("syslog_tcp", "127.0.0.1", 1)
    assert receiver.lines() == []


def test_tcp_peer_that_is_taken_off_the_registry_is_closed(receiver: Receiver) -> None:
    with connected(receiver) as sender:
        sender.sendall(b"<13>before\n")
        receiver.wait_for_lines(1)
        receiver.write_registry(version=2)
        time.sleep(1)
        sender.sendall(b"<13>after\n")
        assert _closed(sender)

    assert receiver.lines() == [b"<13>before"]


def test_host_in_the_line_chooses_within_the_organisation_only(receiver: Receiver) -> None:
    walls = Source(id=UUID(int=103), organisation=ODENSE, name="fw", networks=("127.0.0.0/8",), hosts=("fw-*",))
    receiver.write_registry(walls, version=2)
    wait_until(lambda: receiver.counters()["registry"]["version"] == 2)  # type: ignore[index]

    with connected(receiver) as sender:
        sender.sendall(b"<13>1 2026-11-23T20:00:00Z fw-1 app - - - x\n<13>Nov 23 20:00:00 web-1 app: x\n")
        sender.sendall(b'<189>date=2026-11-23 time=20:00:00 devname="FW-2" x\n<13>nobody\n')

    assert [line[:9] for line in receiver.wait_for_lines(2)] == [b"<13>1 202", b"<189>date"]
    assert {batch.source for batch in receiver.batches()} == {walls.id}
    wait_until(lambda: sum(entry["count"] for entry in receiver.counters()["refused"]) == 2)  # type: ignore[misc, attr-defined]


def test_udp_datagrams_are_lines(receiver: Receiver) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(100):
            sender.sendto(b"<13>%d\n" % number, ("127.0.0.1", receiver.ports.syslog_udp or 0))

    assert sorted(receiver.wait_for_lines(100)) == sorted(b"<13>%d" % number for number in range(100))
    assert receiver.counters()["doors"]["syslog_udp"]["lost"] == 0  # type: ignore[index]


def test_disk_that_refuses_holds_lines_back_until_it_takes_them(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connected(receiver) as sender:
        with monkeypatch.context() as patched:
            patched.setattr("samdrift_logs.journal.writing._write_all", _refuse)
            sender.sendall(b"<13>held back\n")
            wait_until(lambda: receiver.counters()["journal"]["storage_failures"] > 0)  # type: ignore[index]
            assert receiver.lines() == []

        assert receiver.wait_for_lines(1) == [b"<13>held back"]


def test_sender_is_held_up_while_the_disk_refuses(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    block = b"<13>" + b"x" * 10_000 + b"\n"
    sent = 0
    with connected(receiver) as sender, monkeypatch.context() as patched:
        patched.setattr("samdrift_logs.journal.writing._write_all", _refuse)
        sender.settimeout(1)
        with pytest.raises(TimeoutError):
            for _ in range(10_000):
                sender.sendall(block)
                sent += 1

    assert sent < 5000  # a few megabytes here, the rest in the two kernels' buffers


def test_port_in_use_says_which_and_what_to_do(receiver: Receiver, tmp_path: Path) -> None:
    other = Receiver(
        ReceiveSettings(
            data=tmp_path / "other",
            syslog_tcp_port=receiver.ports.syslog_tcp,
            limits=JournalLimits(disk_reserve_bytes=0),
        )
    )

    with pytest.raises(PortTaken, match="another program has it"):
        other.start()


@attrs.frozen
class Certificates:
    """A small authority with a server and two clients."""

    folder: Path

    def file(self, name: str) -> Path:
        return self.folder / name

    def sha256(self, name: str) -> str:
        certificate = x509.load_pem_x509_certificate(self.file(f"{name}.pem").read_bytes())
        return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("tls")
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _signed("authority", authority_key, "authority", authority_key, authority=True)
    (folder / "authority.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    for name in ("server", "client", "stranger"):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _signed(name, key, "authority", authority_key)
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return Certificates(folder)


def _signed(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    authority: bool = False,
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    addresses = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


@pytest.fixture
def secured(tmp_path: Path, certificates: Certificates) -> Iterator[Receiver]:
    """A receiver with a TLS door that knows the certificate "client"."""
    one = Receiver(
        ReceiveSettings(
            data=tmp_path / "data",
            syslog_tls_port=0,
            tls_certificate=certificates.file("server.pem"),
            tls_key=certificates.file("server.key"),
            tls_authorities=certificates.file("authority.pem"),
            limits=JournalLimits(disk_reserve_bytes=0),
        )
    )
    client = Source(
        id=UUID(int=104), organisation=ODENSE, name="tls", certificates=(certificates.sha256("client").upper(),)
    )
    # the address is known as well: a certificate that is nobody's must not fall back on it
    one.write_registry(client, LOCAL)
    one.start()
    yield one
    one.stop()


def _tls_client(receiver: Receiver, certificates: Certificates, name: str | None) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(certificates.file("authority.pem")))
    if name:
        context.load_cert_chain(certificates.file(f"{name}.pem"), certificates.file(f"{name}.key"))
    plain = socket.create_connection(("127.0.0.1", receiver.ports.syslog_tls or 0), timeout=10)
    return context.wrap_socket(plain, server_hostname="localhost")


def test_tls_certificate_decides_whose_lines_they_are(secured: Receiver, certificates: Certificates) -> None:
    with _tls_client(secured, certificates, "client") as sender:
        sender.sendall(b"6 <13>a\n<13>b\n")
        assert secured.wait_for_lines(2) == [b"<13>a", b"<13>b"]

    (batch,) = secured.batches()
    assert (batch.source, batch.door) == (UUID(int=104), "syslog_tls")


@pytest.mark.parametrize("name", ["stranger", None])
def test_tls_without_a_known_certificate_is_refused(
    secured: Receiver, certificates: Certificates, name: str | None
) -> None:
    with _tls_client(secured, certificates, name) as sender:
        assert _closed(sender)

    assert secured.lines() == []
    if name:
        wait_until(lambda: secured.counters()["refused"] != [])
        (refused,) = secured.counters()["refused"]  # type: ignore[misc]
        assert certificates.sha256(name) in refused["reason"]


def test_failed_handshakes_are_counted_with_the_reason(secured: Receiver, certificates: Certificates) -> None:
    for _ in range(2):
        with _tls_client(secured, certificates, None) as sender:
            assert _closed(sender)
    with socket.create_connection(("127.0.0.1", secured.ports.syslog_tls or 0), timeout=10) as sender:
        sender.sendall(b"<13>this is no TLS\n")
        assert _closed(sender)
    with socket.create_connection(("127.0.0.1", secured.ports.syslog_tls or 0), timeout=10):
        pass  # hung up at once: somebody looks whether the port is open
    with _tls_client(secured, certificates, "client") as sender:
        sender.sendall(b"<13>a\n")
        assert secured.wait_for_lines(1) == [b"<13>a"]

    wait_until(lambda: sum(entry["count"] for entry in secured.counters()["refused"]) >= 3)  # type: ignore[attr-defined]
    (refused,) = secured.counters()["refused"]  # type: ignore[misc]
    assert (refused["door"], refused["peer"], refused["count"]) == ("syslog_tls", "(unknown)", 3)
    assert refused["reason"].startswith("the TLS handshake failed: ")


def _rsyslog(folder: Path, action: str, settings: str = "") -> subprocess.Popen[bytes]:
    """Start rsyslogd with one input file, forwarding by `action`."""
    configuration = folder / "rsyslog.conf"
    configuration.write_text(
        f"""
global(workDirectory="{folder}" maxMessageSize="64k" {settings})
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{folder}/log.sock")
{action}
"""
    )
    return subprocess.Popen(
        [RSYSLOGD, "-n", "-f", str(configuration), "-i", str(folder / "rsyslog.pid")], stderr=subprocess.DEVNULL
    )


def _log_through(folder: Path, count: int) -> None:
    path = folder / "log.sock"
    wait_until(path.exists)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(str(path))
        for number in range(count):
            line = f"<38>Nov 23 20:00:00 sshd[{os.getpid()}]: Failed password for bruger æøå nr. {number}"
            sender.send(line.encode())


def _ended(daemon: subprocess.Popen[bytes]) -> None:
    daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(10)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


@pytest.mark.component("rsyslog")
@pytest.mark.parametrize("framing", ["traditional", "octet-counted"])
def test_rsyslog_ships_over_tcp(receiver: Receiver, tmp_path: Path, framing: str) -> None:
    action = (
        f'action(type="omfwd" target="127.0.0.1" port="{receiver.ports.syslog_tcp}" protocol="tcp" '
        f'TCP_Framing="{framing}" action.resumeRetryCount="-1")'
    )
    daemon = _rsyslog(tmp_path, action)
    try:
        _log_through(tmp_path, 500)
        lines = receiver.wait_for_lines(500)
    finally:
        _ended(daemon)

    shipped = [line for line in lines if b"nr. " in line]
    assert len(shipped) == 500
    assert {line.rpartition(b"nr. ")[2] for line in shipped} == {b"%d" % number for number in range(500)}
    assert all(line.startswith(b"<38>") for line in shipped)


@pytest.mark.component("rsyslog")
def test_rsyslog_ships_over_mutual_tls(secured: Receiver, certificates: Certificates, tmp_path: Path) -> None:
    driver = next((name for name in ("ossl", "gtls") if _has_driver(name)), None)
    if driver is None:
        pytest.skip("rsyslog has no TLS driver here (rsyslog-openssl or rsyslog-gnutls)")
    settings = (
        f'DefaultNetstreamDriver="{driver}" DefaultNetstreamDriverCAFile="{certificates.file("authority.pem")}" '
        f'DefaultNetstreamDriverCertFile="{certificates.file("client.pem")}" '
        f'DefaultNetstreamDriverKeyFile="{certificates.file("client.key")}"'
    )
    action = (
        f'action(type="omfwd" target="127.0.0.1" port="{secured.ports.syslog_tls}" protocol="tcp" '
        'TCP_Framing="octet-counted" StreamDriverMode="1" StreamDriverAuthMode="anon" action.resumeRetryCount="-1")'
    )
    daemon = _rsyslog(tmp_path, action, settings)
    try:
        _log_through(tmp_path, 200)
        lines = secured.wait_for_lines(200)
    finally:
        _ended(daemon)

    assert len([line for line in lines if b"nr. " in line]) == 200
    assert {batch.source for batch in secured.batches()} == {UUID(int=104)}


def _has_driver(name: str) -> bool:
    return any(Path("/usr/lib").glob(f"*/rsyslog/lmnsd_{name}.so"))


def _closed(sender: socket.socket) -> bool:
    try:
        return sender.recv(1) == b""
    except (ConnectionError, ssl.SSLError):
        return True


def _refuse(descriptor: int, buffers: list[bytes], offset: int) -> int:
    raise OSError(28, "No space left on device")


def test_failed_sync_ends_the_process_so_that_it_is_started_anew(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connected(receiver) as sender:
        with monkeypatch.context() as patched:
            patched.setattr("samdrift_logs.journal.writing.os.fdatasync", _fail_sync)
            sender.sendall(b"<13>a\n")
            wait_until(lambda: receiver.error is not None, timeout_s=20)

    assert isinstance(receiver.error, StorageFailed)
    assert "start receive anew" in str(receiver.error)
    receiver.error = None
    receiver.start()


def _fail_sync(descriptor: int) -> None:
    raise OSError(5, "Input/output error")


def test_udp_datagrams_that_the_kernel_dropped_are_counted_as_loss(tmp_path: Path) -> None:
    async def flood() -> int:
        journal = Journal(tmp_path / "journal", limits=JournalLimits(disk_reserve_bytes=0))
        intake = Intake(journal, RegistryFile(tmp_path / "sources.json"))
        bound = udp_socket("127.0.0.1", 0)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        door = UdpDoor(intake, bound)
        door._pause()  # what it does itself while the journal is behind
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(500):
                sender.sendto(b"<13>" + b"x" * 500, bound.getsockname())
        door.count_drops()
        lost = intake.door("syslog_udp").lost
        await door.drain()
        journal.close()
        return lost

    assert 300 < asyncio.run(flood()) < 500
