"""A running receiver for the tests of the doors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from samdrift_logs.journal import JournalLimits
from samdrift_logs.runner.receive import ReceiveSettings
from tests.samdrift_logs.receive.running import BULK, LOCAL, Receiver


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """A receiver with TCP, UDP and bulk doors, knowing LOCAL by address and BULK by token."""
    one = Receiver(
        ReceiveSettings(
            data=tmp_path / "data",
            bulk_port=0,
            syslog_tcp_port=0,
            syslog_udp_port=0,
            limits=JournalLimits(disk_reserve_bytes=0),
        )
    )
    one.write_registry(LOCAL, BULK)
    one.start()
    yield one
    one.stop()
