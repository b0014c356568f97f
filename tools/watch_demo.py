"""Watch `make demo` as a newcomer would: address, first alert, case and ticket within a minute, then a calm feed.

Run in a clone where `make install` has been done: `.venv/bin/python tools/watch_demo.py`. Asks the REST API only, with
the tokens in the demo's demo.json. Says what it saw and when; exit code 0 only if everything was seen in time.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ADDRESS_WITHIN_S = 300.0
SEEN_WITHIN_S = 60.0
TOLD_WITHIN_S = 240.0
CALM_WITHIN_S = 120.0
CALM_FOR_S = 20.0
CALM_LINES_PER_S = (30.0, 70.0)
TRIMMED_WITHIN_S = 240.0
MOST_JOURNAL_BYTES = 32 << 20
STOPPED_WITHIN_S = 60.0


class NotSeen(Exception):
    """What a newcomer should see did not happen in time."""


class Watch:
    """The running demo, and what was seen of it so far."""

    def __init__(self, data: Path, process: subprocess.Popen[str]):
        self.data = data
        self.process = process
        self.address = ""
        self.began = time.monotonic()
        self.tokens: dict[tuple[str, str], str] = {}

    def say(self, what: str) -> None:
        """Print what was seen, with the seconds since the address was printed."""
        print(f"{time.monotonic() - self.began:7.1f} s  {what}", flush=True)

    def wait_for(self, what: str, look: Callable[[], Any], *, within_s: float, since: float | None = None) -> Any:
        """Return what `look` finds. Raises NotSeen when it finds nothing in time or the demo ends."""
        deadline = (self.began if since is None else since) + within_s
        while time.monotonic() < deadline:
            if found := look():
                return found
            if self.process.poll() is not None:
                raise NotSeen(f"the demo ended with {self.process.returncode} before: {what}")
            time.sleep(0.5)
        raise NotSeen(f"not within {within_s:.0f} s: {what}")

    def ask(self, organisation: str, role: str, path: str) -> Any:
        """Return what the API answers somebody; {} where it cannot answer yet."""
        token = self.tokens[organisation, role]
        request = urllib.request.Request(f"{self.address}/api/v1{path}", headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            self.say(f"{path}: {error}")
            return {}

    def feeder(self) -> dict[str, Any]:
        """Return what the feeder says of itself."""
        found: dict[str, Any] = json.loads((self.data / "feeder.json").read_text())
        return found


# ---- what a newcomer sees


def read_address(watch: Watch, printed: Path) -> None:
    """Wait for the line with the address; the minute counts from it."""

    def look() -> str:
        said = re.search(r"^Samdrift: (http://\S+?)/?$", printed.read_text(), re.MULTILINE)
        return said.group(1) if said else ""

    started = time.monotonic()
    watch.address = watch.wait_for("the address", look, within_s=ADDRESS_WITHIN_S)
    print(f"address and logins printed after {time.monotonic() - started:.1f} s: {watch.address}", flush=True)
    watch.began = time.monotonic()
    people = json.loads((watch.data / "demo.json").read_text())["people"]
    watch.tokens = {(one["organisation"], one["role"]): one["token"] for one in reversed(people) if one["token"]}


def see_the_story_begin(watch: Watch) -> None:
    """The first alert, case and ticket with both clocks, all within a minute of the printed address."""

    def items(role: str, path: str) -> Any:
        return watch.ask("Enhed Syd", role, path).get("items")

    first = watch.wait_for("an alert", lambda: items("analyst", "/alerts?level=medium"), within_s=SEEN_WITHIN_S)[-1]
    watch.say(f"alert: {first['title']} at {first['organisation_name']}, {first['host']}")
    case = watch.wait_for("a case", lambda: items("analyst", "/cases"), within_s=SEEN_WITHIN_S)[0]
    watch.say(f"case: {case['number']} at {case['handler_name']}, {case['place']}")
    ticket = watch.wait_for("a ticket", lambda: items("second_line_agent", "/tickets"), within_s=SEEN_WITHIN_S)[0]
    clocks = watch.wait_for("a clock of each party", lambda: _clocks(watch, ticket["id"]), within_s=SEEN_WITHIN_S)
    watch.say(f"ticket: {ticket['number']}, {', '.join(clocks)}")
    seen = watch.ask(first["organisation_name"], "spoc_agent", f"/tickets/{ticket['id']}")
    if seen.get("ticket", {}).get("number") != ticket["number"]:
        raise NotSeen("the municipality's SPOC does not see the ticket")
    watch.say("the municipality's SPOC sees it, too")


def _clocks(watch: Watch, ticket: str) -> list[str]:
    """Return the clocks in words once the holder and the follower both have one that is due at some time."""
    legs = watch.ask("Enhed Syd", "second_line_agent", f"/tickets/{ticket}").get("legs", [])
    due = {leg["part"]: leg["clocks"][0] for leg in legs if leg["clocks"] and leg["clocks"][0]["due_at"]}
    if not {"holder", "follower"} <= set(due):
        return []
    return [f"{part}: {clock['metric']} by {clock['due_at']}" for part, clock in due.items()]


def see_the_story_end(watch: Watch) -> None:
    """All of the attack is told, and every line of it left the feeder."""
    report = watch.wait_for(
        "the end of the attack", lambda: (found := watch.feeder())["story_told"] and found, within_s=TOLD_WITHIN_S
    )
    if report["story_lines_left_out"]:
        raise NotSeen(f"{report['story_lines_left_out']} lines of the attack found no feed")
    watch.say(f"the attack is told; {report['totals']['acknowledged']} lines acknowledged so far")


def see_the_feed_calm(watch: Watch) -> None:
    """After the story, the feed falls to some fifty lines a second, so that the demo can be left running."""
    lowest, highest = CALM_LINES_PER_S
    rates: list[float] = []

    def look() -> bool:
        before, began = watch.feeder()["totals"]["generated"], time.monotonic()
        time.sleep(CALM_FOR_S)
        rates.append((watch.feeder()["totals"]["generated"] - before) / (time.monotonic() - began))
        return lowest <= rates[-1] <= highest

    try:
        watch.wait_for("a calm feed", look, within_s=CALM_WITHIN_S, since=time.monotonic())
    except NotSeen as error:
        raise NotSeen(f"{error}: {', '.join(f'{rate:.0f}' for rate in rates)} lines/s") from None
    watch.say(f"the feed has fallen to {rates[-1]:.0f} lines/s")


def see_the_journal_trimmed(watch: Watch) -> None:
    """What is stored leaves the journal: its first segments go, and what stays is little."""

    def size() -> int:
        return sum(path.stat().st_size for path in (watch.data / "journal").rglob("*") if path.is_file())

    def begins_later() -> bool:
        firsts = [min(path.glob("*.segment"), default=None) for path in (watch.data / "journal").glob("partition-*")]
        return any(first is not None and int(first.stem) > 1 for first in firsts)

    highest = size()
    watch.say(f"the journal holds {highest / 1e6:.1f} MB")
    watch.wait_for(
        "a trimmed journal",
        lambda: begins_later() and size() <= MOST_JOURNAL_BYTES,
        within_s=TRIMMED_WITHIN_S,
        since=time.monotonic(),
    )
    watch.say(f"the journal is trimmed to {size() / 1e6:.1f} MB")


STEPS = (see_the_story_begin, see_the_story_end, see_the_feed_calm, see_the_journal_trimmed)


# ---- starting and stopping


def watch_demo(command: list[str]) -> int:
    """Run the demo in a temporary folder and watch it. Returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="samdrift-watch-") as folder:
        data, printed, errors = Path(folder) / "data", Path(folder) / "out.txt", Path(folder) / "err.txt"
        with printed.open("w") as out, errors.open("w") as err:
            process = subprocess.Popen(
                command,
                env={**os.environ, "SAMDRIFT_DATA": str(data)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                text=True,
                start_new_session=True,
            )
        watch = Watch(data, process)
        try:
            read_address(watch, printed)
            for step in STEPS:
                step(watch)
        except (NotSeen, OSError, ValueError, KeyError, IndexError) as error:
            print(f"NOT SEEN: {type(error).__name__}: {error}\n{_said(data, errors)}", flush=True)
            return 1
        finally:
            code = stop(process, data)
        watch.say(f"interrupted, ended with exit code {code}")
        return 0 if code == 0 else 1


def stop(process: subprocess.Popen[str], data: Path) -> int:
    """Interrupt the demo, which wrote down its process id, and return the exit code of the command around it.

    Not make: interrupted itself, it ends with an error however well the demo ends.
    """
    if process.poll() is None:
        lock = data / "run" / "up.lock"
        os.kill(int(lock.read_text()) if lock.exists() else process.pid, signal.SIGINT)
    try:
        return process.wait(timeout=STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


def _said(data: Path, errors: Path) -> str:
    logs = [errors, *sorted((data / "log").glob("*.log"))]
    return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-2000:]}" for path in logs)


def main() -> int:
    """Watch `make demo`, or another command that ends in the same demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", nargs="*", default=["make", "--no-print-directory", "demo"])
    return watch_demo(parser.parse_args().command)


if __name__ == "__main__":
    sys.exit(main())
