"""The source registry: who is who, by token, certificate and address, and nobody by guesswork."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from uuid import UUID

import pytest

from samdrift_logs.errors import InputRefused, StorageFailed
from samdrift_logs.events.sources import (
    OrganisationName,
    RegistryFile,
    Source,
    SourceRegistry,
    token_digest,
    write_registry,
)

ODENSE = UUID(int=1)
ASSENS = UUID(int=2)
SHA = "ab" * 32


def source(number: int, organisation: UUID = ODENSE, **more: object) -> Source:
    return Source(id=UUID(int=100 + number), organisation=organisation, name=f"kilde {number}", **more)  # type: ignore[arg-type]


def registry(*sources: Source, version: int = 1) -> SourceRegistry:
    return SourceRegistry(
        version=version,
        written_at=dt.datetime(2026, 11, 23, 20, 0, tzinfo=dt.UTC),
        organisations=(OrganisationName(id=ODENSE, name="Odense"), OrganisationName(id=ASSENS, name="Assens")),
        sources=sources,
    )


def test_by_token_knows_the_digest_only() -> None:
    known = registry(source(1, tokens=(token_digest("hemmelig"),)))

    assert known.by_token("hemmelig") == known.sources[0]
    assert known.by_token("forkert") is None
    assert known.by_token(token_digest("hemmelig")) is None


def test_by_certificate_ignores_case() -> None:
    known = registry(source(1, certificates=(SHA.upper(),)))

    assert known.by_certificate(SHA) == known.sources[0]
    assert known.by_certificate("cd" * 32) is None


@pytest.mark.parametrize(
    ("address", "host", "number"),
    [
        ("127.10.1.7", None, 1),
        ("127.10.1.7", "web-1", 1),
        ("127.10.1.7", "FW-north", 2),
        ("127.10.2.9", None, 3),
        ("127.10.2.9", "fw-north", 3),  # a glob of another organisation never applies
        ("::ffff:127.10.1.7", None, 1),
        ("127.11.0.1", None, None),
        ("not an address", None, None),
        ("fe80::1%eth0", None, 4),
    ],
)
def test_by_peer(address: str, host: str | None, number: int | None) -> None:
    known = registry(
        source(1, networks=("127.10.0.0/16",)),
        source(2, networks=("127.10.0.0/16",), hosts=("FW-*",)),
        source(3, ASSENS, networks=("127.10.2.0/24",)),
        source(4, ASSENS, networks=("fe80::/10",)),
    )

    found = known.by_peer(address, host)

    assert (found and found.id) == (number and UUID(int=100 + number))


def test_by_peer_refuses_hosts_that_no_glob_takes() -> None:
    known = registry(source(1, networks=("127.0.0.1/32",), hosts=("fw-*",)))

    assert known.by_peer("127.0.0.1", "fw-1") == known.sources[0]
    assert known.by_peer("127.0.0.1", "web-1") is None
    assert known.by_peer("127.0.0.1") is None


def test_claimed_by_two_belongs_to_nobody() -> None:
    known = registry(
        source(1, tokens=(SHA,), certificates=(SHA,), networks=("127.0.0.0/8",)),
        source(2, ASSENS, tokens=(SHA,), certificates=(SHA,), networks=("127.0.0.0/8",)),
    )

    assert known.by_certificate(SHA) is None
    assert known.by_peer("127.0.0.1") is None
    assert len(known.conflicts) == 3


def test_disabled_source_is_not_found_by_its_sender() -> None:
    known = registry(source(1, tokens=(token_digest("a"),), networks=("127.0.0.0/8",), enabled=False))

    assert known.by_token("a") is None
    assert known.by_peer("127.0.0.1") is None
    assert known.by_id(UUID(int=101)) == known.sources[0]


def test_written_registry_reads_back_equal(tmp_path: Path) -> None:
    known = registry(
        source(1, tokens=(SHA,), networks=("127.10.1.0/24", "::1/128"), hosts=("fw-*",), type="winlogbeat"),
        source(2, ASSENS, certificates=(SHA,), timezone="UTC", enabled=False),
    )

    write_registry(tmp_path / "new" / "sources.json", known)

    assert SourceRegistry.load(tmp_path / "new" / "sources.json") == known
    assert (tmp_path / "new" / "sources.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"version": 1,\n "x" }', "sources.json:2:"),
        (b"{}", "'version' is missing"),
        (b'{"version": 1, "written_at": "2026-11-23T20:00:00Z", "organisations": [], "sources": [{"id": 3}]}', "wrong"),
        (b"[]", "wrong"),
    ],
)
def test_damaged_registry_is_refused_with_its_place(content: bytes, reason: str) -> None:
    with pytest.raises(InputRefused, match=reason):
        SourceRegistry.parse(content)


def test_registry_file_takes_up_a_change_and_keeps_the_last_good_one(tmp_path: Path) -> None:
    path = tmp_path / "sources.json"
    file = RegistryFile(path, every_s=0)
    assert file.current().sources == ()
    assert "not" in str(file.problem)

    write_registry(path, registry(source(1, tokens=(token_digest("a"),))))
    assert file.current().by_token("a") is not None
    assert file.problem is None

    write_registry(path, registry(version=2))  # the token is revoked
    assert file.current().by_token("a") is None

    path.write_bytes(b"{")
    assert file.current().version == 2
    assert "stays in force" in str(file.problem)


def test_write_registry_fails_in_words(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")

    with pytest.raises(StorageFailed, match="cannot be written"):
        write_registry(tmp_path / "taken" / "sources.json", registry())
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]
