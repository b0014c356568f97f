"""Sends parcels to the real doors, one thread per shipper, and notes when each marked line left."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Mapping, Sequence

import attrs
from logs import Parcel, Shipper

_TIMEOUT_S = 60
_TERSE = "/_bulk?filter_path=errors%2Citems.%2A.error%2Citems.%2A.status"  # what Beats ask for

Timed = Sequence[tuple[float, Parcel]]  # when each is due, on the monotonic clock


class FeedFailed(Exception):
    """A door did not take what it was sent."""


@attrs.define
class Feeder:
    """Sends the shippers' parcels. `sent_at` has the wall clock of each marked line, just before its write."""

    bulk_port: int
    syslog_port: int
    sent_at: dict[int, float] = attrs.field(factory=dict)
    put_off: int = 0  # requests that the door answered with 429
    failures: list[str] = attrs.field(factory=list)

    def at_full_speed(self, shippers: Sequence[Shipper], phase: str) -> float:
        """Send as fast as the doors take it; return the seconds until all was answered, or read from syslog's end."""
        return self._send(shippers, {s.feed.name: [(0.0, parcel) for parcel in s.parcels[phase]] for s in shippers})

    def steadily(self, shippers: Sequence[Shipper], *, every_s: float) -> float:
        """Send a parcel per shipper and `every_s`, the shippers one after the other within it; return the seconds."""
        start = time.monotonic()
        return self._send(
            shippers,
            {
                shipper.feed.name: [
                    (start + every_s * (number + place / len(shippers)), parcel)
                    for number, parcel in enumerate(shipper.parcels["steady"])
                ]
                for place, shipper in enumerate(shippers)
            },
        )

    def _send(self, shippers: Sequence[Shipper], timed: Mapping[str, Timed]) -> float:
        """Send each shipper's parcels from a thread of its own, each when it is due."""
        began = time.monotonic()

        def run(shipper: Shipper) -> None:
            try:
                (self._send_bulk if shipper.is_bulk else self._send_syslog)(shipper, timed[shipper.feed.name])
            except (OSError, http.client.HTTPException, FeedFailed) as error:
                self.failures.append(f"{shipper.feed.name}: {type(error).__name__}: {error}")

        threads = [threading.Thread(target=run, args=(shipper,), daemon=True) for shipper in shippers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failures:
            raise FeedFailed("; ".join(self.failures[:3]))
        return time.monotonic() - began

    def _wait_and_note(self, due: float, parcel: Parcel) -> None:
        if (pause := due - time.monotonic()) > 0:
            time.sleep(pause)
        now = time.time()
        for attack in parcel.attacks:
            self.sent_at[attack] = now

    def _send_bulk(self, shipper: Shipper, parcels: Timed) -> None:
        headers = {
            "Authorization": f"ApiKey {shipper.feed.token}",
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "gzip",
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.bulk_port, timeout=_TIMEOUT_S)
        try:
            for due, parcel in parcels:
                self._wait_and_note(due, parcel)
                while not self._post(connection, parcel, headers):
                    self.put_off += 1
                    time.sleep(0.2)
        finally:
            connection.close()

    def _post(self, connection: http.client.HTTPConnection, parcel: Parcel, headers: dict[str, str]) -> bool:
        connection.request("POST", _TERSE, parcel.payload, headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status == 429:
            return False
        if response.status != 200 or not answer.startswith(b'{"errors":false'):
            raise FeedFailed(f"HTTP {response.status}: {answer[:200]!r}")
        return True

    def _send_syslog(self, shipper: Shipper, parcels: Timed) -> None:
        source = (shipper.feed.bind or "127.0.0.1", 0)
        with socket.create_connection(("127.0.0.1", self.syslog_port), _TIMEOUT_S, source) as connection:
            for due, parcel in parcels:
                self._wait_and_note(due, parcel)
                connection.sendall(parcel.payload)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):  # the door closes when it has read all
                pass
