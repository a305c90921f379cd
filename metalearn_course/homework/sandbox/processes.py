"""What a process and its descendants use, read from /proc (Linux); zeros elsewhere."""

import contextlib
import os
from pathlib import Path
from typing import NamedTuple


class Spent(NamedTuple):
    """Seconds."""

    computing: float  # of the process and its descendants, on all cores
    waiting: float  # of the process alone, ready to run while others had the cores


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    found = [pid]
    for each in found:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{each}/task"):
                found += map(int, _read(f"/proc/{each}/task/{task}/children").split())
    return found


def memory(pids: list[int]) -> int:
    """Bytes that the processes occupy, shared pages counted in shares."""
    kilobytes = 0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError):
            lines = _read(f"/proc/{pid}/smaps_rollup").split("\n")
            kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return 1024 * kilobytes


def spent(pid: int) -> Spent:
    """What the process has used of this machine so far."""
    ticks = waiting = 0
    for each in family(pid):
        with contextlib.suppress(OSError, IndexError):
            fields = _read(f"/proc/{each}/stat").rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))  # user and system time, its own and of children that have ended
    with contextlib.suppress(OSError, IndexError):
        waiting = int(_read(f"/proc/{pid}/schedstat").split()[1])
    return Spent(ticks / os.sysconf("SC_CLK_TCK"), waiting / 1e9)


def _read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8", errors="replace")
