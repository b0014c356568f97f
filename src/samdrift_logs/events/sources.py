"""The source registry: which credential, certificate or address belongs to which log source of which organisation.

`soc` writes it as a snapshot (`data/sources.json`, atomic rename) after commit; `receive` and `work` read it and take
up a change within two seconds. Tokens are kept as their SHA-256 only. A sender's tenancy comes from here and never
from what the sender says about itself: a host name in a message only chooses among the sources of one organisation.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fnmatch
import hashlib
import ipaddress
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from uuid import UUID

import attrs
import orjson

from samdrift_logs.errors import InputRefused, StorageFailed

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
AUTO = "auto"  # the source type whose normaliser is chosen by the content of each line
RELOAD_EVERY_S = 0.5


def token_digest(token: str) -> str:
    """Return what the registry keeps of a token: the SHA-256 of its UTF-8 bytes, in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def _networks(values: Iterable[str | Network]) -> tuple[Network, ...]:
    return tuple(v if not isinstance(v, str) else ipaddress.ip_network(v, strict=False) for v in values)


def _lowered(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(value.lower() for value in values)


@attrs.frozen(kw_only=True)
class Source:
    """One stream of logs of one organisation, and how its senders are known.

    `tokens` and `certificates` are SHA-256 digests in lower-case hex (of the token; of the certificate's DER).
    `networks` are peer addresses for plain syslog. `hosts` (globs on the host name in the line, any case) narrow a
    source within the networks of its own organisation. `timezone` is used where a line has no zone of its own.
    """

    id: UUID
    organisation: UUID
    name: str
    type: str = AUTO
    timezone: str = "Europe/Copenhagen"
    tokens: tuple[str, ...] = attrs.field(default=(), converter=_lowered)
    networks: tuple[Network, ...] = attrs.field(default=(), converter=_networks)
    hosts: tuple[str, ...] = attrs.field(default=(), converter=_lowered)
    certificates: tuple[str, ...] = attrs.field(default=(), converter=_lowered)
    enabled: bool = True


@attrs.frozen(kw_only=True)
class OrganisationName:
    """An organisation in the snapshot: its id and what people call it."""

    id: UUID
    name: str


@attrs.frozen
class PeerSources:
    """The sources that lines from one address may belong to, all of one organisation.

    `by_host` are the sources with host globs, most specific network first; `otherwise` takes the lines that no glob
    matches, and is None where there is no such source: those lines are refused.
    """

    by_host: tuple[tuple[re.Pattern[str], Source], ...]
    otherwise: Source | None

    def choose(self, host: str | None) -> Source | None:
        """Return the source of a line from `host`, or None when no source takes it."""
        if host:
            for pattern, source in self.by_host:
                if pattern.fullmatch(host.lower()):
                    return source
        return self.otherwise


_NOBODY = PeerSources((), None)


@attrs.define(kw_only=True)
class SourceRegistry:
    """One version of the registry. Immutable in use; look-ups never return a disabled source.

    A token, certificate or network that two organisations claim belongs to nobody (`conflicts` names it): logs that
    might be another's are refused rather than guessed.
    """

    version: int = 0
    written_at: dt.datetime = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    organisations: Sequence[OrganisationName] = ()
    sources: Sequence[Source] = ()
    conflicts: Sequence[str] = attrs.field(init=False, default=())
    _tokens: Mapping[str, Source] = attrs.field(init=False, factory=dict, repr=False)
    _certificates: Mapping[str, Source] = attrs.field(init=False, factory=dict, repr=False)
    _ids: Mapping[UUID, Source] = attrs.field(init=False, factory=dict, repr=False)
    _networks: Sequence[tuple[Network, Sequence[Source]]] = attrs.field(init=False, default=(), repr=False)
    _peers: dict[str, PeerSources] = attrs.field(init=False, factory=dict, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        active = [source for source in self.sources if source.enabled]
        self._ids = {source.id: source for source in self.sources}
        self._tokens, twice = _unambiguous((token, source) for source in active for token in source.tokens)
        self._certificates, again = _unambiguous((sha, source) for source in active for sha in source.certificates)
        by_network: dict[Network, list[Source]] = {}
        for source in active:
            for network in source.networks:
                by_network.setdefault(network, []).append(source)
        shared = [str(net) for net, owners in by_network.items() if len({s.organisation for s in owners}) > 1]
        self._networks = sorted(by_network.items(), key=lambda entry: -entry[0].prefixlen)
        self.conflicts = tuple(
            [f"token {digest[:12]}… is claimed by two sources" for digest in twice]
            + [f"certificate {digest[:12]}… is claimed by two sources" for digest in again]
            + [f"network {network} is claimed by two organisations" for network in shared]
        )

    @classmethod
    def load(cls, path: Path) -> SourceRegistry:
        """Read a snapshot. Raises InputRefused (damaged content, with its place) or StorageFailed (cannot be read)."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise StorageFailed(f"the source registry {path} cannot be read: {error.strerror}") from error
        return cls.parse(content, file=str(path))

    @classmethod
    def parse(cls, content: bytes, *, file: str = "sources.json") -> SourceRegistry:
        """Read a snapshot from its bytes. Raises InputRefused with the place of the first fault."""
        try:
            document = orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise InputRefused(f"is not JSON: {error.msg}", file=file, line=error.lineno, column=error.colno) from error
        try:
            return cls(
                version=int(document["version"]),
                written_at=dt.datetime.fromisoformat(document["written_at"]),
                organisations=tuple(
                    OrganisationName(id=UUID(entry["id"]), name=str(entry["name"]))
                    for entry in document["organisations"]
                ),
                sources=tuple(_source_from(entry) for entry in document["sources"]),
            )
        except KeyError as error:
            raise InputRefused(f"the field {error} is missing; let soc write the snapshot anew", file=file) from error
        except (TypeError, ValueError, AttributeError) as error:
            raise InputRefused(f"a field has a wrong value: {error}", file=file) from error

    def by_id(self, source: UUID) -> Source | None:
        """Return a source by its id, disabled or not: its lines may still be on their way through the journal."""
        return self._ids.get(source)

    def by_token(self, token: str) -> Source | None:
        """Return the source that a bearer token, API key or password belongs to."""
        return self._tokens.get(token_digest(token))

    def by_certificate(self, sha256: str) -> Source | None:
        """Return the source of a client certificate, by the SHA-256 of its DER in hex."""
        return self._certificates.get(sha256.lower())

    def by_peer(self, address: str, host: str | None = None) -> Source | None:
        """Return the source of a plain syslog line from `address` that names `host`."""
        return self.sources_of_peer(address).choose(host)

    def sources_of_peer(self, address: str) -> PeerSources:
        """Return the sources that lines from `address` may belong to; the most specific network decides whose."""
        known = self._peers.get(address)
        if known is None:
            if len(self._peers) > 65_536:
                self._peers.clear()
            known = self._peers[address] = self._find_peer(address)
        return known

    def _find_peer(self, address: str) -> PeerSources:
        try:
            ip = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return _NOBODY
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        matching = [sources for network, sources in self._networks if ip in network]
        if not matching or len({source.organisation for source in matching[0]}) > 1:
            return _NOBODY
        owner = matching[0][0].organisation
        candidates = [source for sources in matching for source in sources if source.organisation == owner]
        narrowed = tuple((_host_pattern(source), source) for source in candidates if source.hosts)
        return PeerSources(narrowed, next((source for source in candidates if not source.hosts), None))


class RegistryFile:
    """The snapshot on disk, read anew when it changes. A damaged snapshot leaves the last good one in force.

    `problem` says in words what is wrong with the file as it stands, or is None.
    """

    def __init__(self, path: Path, *, every_s: float = RELOAD_EVERY_S):
        self.path = path
        self.problem: str | None = f"{path} is not there yet: no sender is known until soc has written it"
        self._every_s = every_s
        self._looked_at = float("-inf")
        self._seen: tuple[int, int, int] | None = None
        self._registry = SourceRegistry()

    def current(self) -> SourceRegistry:
        """Return the registry in force. Looks at the file at most every `every_s` seconds (of the monotonic clock)."""
        now = time.monotonic()
        if now - self._looked_at >= self._every_s:
            self._looked_at = now
            self._reload()
        return self._registry

    def _reload(self) -> None:
        try:
            status = self.path.stat()
        except OSError as error:
            self.problem = f"the source registry {self.path} cannot be read: {error.strerror}"
            return
        mark = (status.st_mtime_ns, status.st_size, status.st_ino)
        if mark == self._seen:
            return
        try:
            self._registry = SourceRegistry.load(self.path)
            self.problem = None
        except (InputRefused, StorageFailed) as error:
            self.problem = f"{error}; version {self._registry.version} stays in force"
        self._seen = mark


def write_registry(path: Path, registry: SourceRegistry) -> None:
    """Write a snapshot so that readers see the old one or the new one whole, also over a power cut.

    Raises StorageFailed when the disk refuses; the old snapshot is then still there.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_as_json(registry))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise StorageFailed(f"the source registry {path} cannot be written: {error.strerror}") from error


def _as_json(registry: SourceRegistry) -> bytes:
    document = {
        "version": registry.version,
        "written_at": registry.written_at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z"),
        "organisations": [{"id": str(entry.id), "name": entry.name} for entry in registry.organisations],
        "sources": [
            {
                "id": str(source.id),
                "organisation": str(source.organisation),
                "name": source.name,
                "type": source.type,
                "timezone": source.timezone,
                "tokens": list(source.tokens),
                "networks": [str(network) for network in source.networks],
                "hosts": list(source.hosts),
                "certificates": list(source.certificates),
                "enabled": source.enabled,
            }
            for source in registry.sources
        ],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def _source_from(entry: Mapping[str, object]) -> Source:
    def texts(name: str) -> tuple[str, ...]:
        values = entry.get(name) or ()
        if not isinstance(values, list | tuple):
            raise ValueError(f"{name} wants a list")
        return tuple(str(value) for value in values)

    return Source(
        id=UUID(str(entry["id"])),
        organisation=UUID(str(entry["organisation"])),
        name=str(entry["name"]),
        type=str(entry.get("type") or AUTO),
        timezone=str(entry.get("timezone") or "Europe/Copenhagen"),
        tokens=texts("tokens"),
        networks=texts("networks"),
        hosts=texts("hosts"),
        certificates=texts("certificates"),
        enabled=entry.get("enabled", True) is True,
    )


def _host_pattern(source: Source) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(glob) for glob in source.hosts))


def _unambiguous(pairs: Iterable[tuple[str, Source]]) -> tuple[dict[str, Source], list[str]]:
    """Split what exactly one source claims from what several claim."""
    claimed: dict[str, list[Source]] = {}
    for digest, source in pairs:
        claimed.setdefault(digest, []).append(source)
    return (
        {digest: owners[0] for digest, owners in claimed.items() if len(owners) == 1},
        [digest for digest, owners in claimed.items() if len(owners) > 1],
    )
