"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

_PACKAGES = ("pyarrow", "deltalake", "duckdb", "orjson", "numba", "hyperscan", "aiohttp")


def facts(folder: Path) -> dict[str, object]:
    """Return the machine's facts; `folder` is where the data will lie."""
    return {
        "processor": _field("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()}",
        "python": sys.version.split()[0],
        "packages": {name: metadata.version(name) for name in _PACKAGES},
        "load_before": round(os.getloadavg()[0], 2),
        "fdatasync_ms": round(fdatasync_ms(folder), 3),
    }


def fdatasync_ms(folder: Path, *, times: int = 40) -> float:
    """Return the median milliseconds that a 64 kB write and its fdatasync take."""
    path = folder / "fdatasync.probe"
    took = []
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        for _ in range(times):
            began = time.perf_counter()
            os.write(descriptor, b"x" * 65_536)
            os.fdatasync(descriptor)
            took.append(time.perf_counter() - began)
    finally:
        os.close(descriptor)
        path.unlink()
    return statistics.median(took) * 1000


def cpu_s(pid: int) -> float:
    """Return the processor seconds that a process has used so far."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


class Others:
    """How much of the machine other processes use while we measure: what the figures suffer from."""

    def __init__(self, pids: Sequence[int]):
        self._pids = pids
        self._began = time.monotonic()
        self._before = self._used_by_others()

    def cores(self) -> float:
        """Return the cores that others used, on average since this was made."""
        return round((self._used_by_others() - self._before) / (time.monotonic() - self._began), 2)

    def _used_by_others(self) -> float:
        user, nice, system, _, _, irq, softirq, *_ = Path("/proc/stat").read_text().split()[1:9]
        ticks = sum(map(int, (user, nice, system, irq, softirq)))
        return ticks / os.sysconf("SC_CLK_TCK") - time.process_time() - sum(cpu_s(pid) for pid in self._pids)


def _field(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return ""
