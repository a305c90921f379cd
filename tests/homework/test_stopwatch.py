import pytest

from metalearn_course.homework.sandbox import client
from metalearn_course.homework.sandbox.processes import Spent, family, spent


@pytest.fixture
def clock(monkeypatch):
    """Seconds on the wall, and what the process has spent, to be set by a test."""
    now = {"wall": 100.0, "spent": Spent(5, 7)}
    monkeypatch.setattr(client.time, "monotonic", lambda: now["wall"])
    monkeypatch.setattr(client.processes, "spent", lambda pid: now["spent"])
    return now


@pytest.mark.parametrize(
    ("wall", "after", "seconds"),
    [
        (30, Spent(35, 7), 30),  # it computes all the time
        (30, Spent(5, 7), 30),  # it sleeps
        (30, Spent(8, 34), 3),  # it waits for a core nearly all the time
        (30, Spent(65, 30), 60),  # its children compute on several cores, and keep each other waiting
        (30, Spent(0, 0), 30),  # it has died
    ],
)
def test_time_on_a_busy_machine_does_not_count(clock, wall, after, seconds):
    watch = client.Stopwatch(1)
    clock.update(wall=100.0 + wall, spent=after)
    assert watch.seconds() == seconds


def test_a_process_that_is_not_there_has_spent_nothing():
    assert spent(2**22 + 1) == Spent(0, 0) and family(2**22 + 1) == [2**22 + 1]
