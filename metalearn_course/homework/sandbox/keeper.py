"""One keeper per submission: it forks the process that runs the student's code, watches it, and ends it.

The keeper stands outside the walls. It ends the student's process, and every process that this has
started, when the marker hangs up or when they use too much memory together.
"""

import contextlib
import os
import select
import signal
import socket
import time

from metalearn_course.homework.answers import respond
from metalearn_course.homework.sandbox import frames, processes, walls
from metalearn_course.homework.sandbox.walls import Limits

GLANCE = 0.1  # seconds between two looks


def keep(limits: Limits, channel: socket.socket, control: socket.socket, root: str) -> None:
    """Fork the student's process behind `channel`, and say on `control` its number, and then why it ended."""
    os.setsid()
    walls.prctl(walls.SUBREAPER, 1)
    walls.prctl(walls.DIE_WITH_PARENT, signal.SIGKILL)
    separate = walls.separate()
    worker = os.fork()
    if worker == 0:
        control.close()
        _work(limits, channel, root, separate)
    channel.close()
    control.send(f"{worker:08d}".encode())
    reason = _watch(worker, limits, control)
    _end(worker)
    with contextlib.suppress(OSError):
        control.send(reason.encode())


def _work(limits: Limits, channel: socket.socket, root: str, separate: bool) -> None:
    """The student's process: wall it in, then answer until the marker hangs up. Never returns."""
    try:
        if separate:
            walls.wall_in(root, limits)
        else:
            os.chdir(root)
        _forget(channel.fileno())
        walls.give_up_rights(limits)
        frames.send(channel, b"separate" if separate else b"limits")
        namespace: dict = {"__name__": "__main__"}
        me = os.getpid()
        while os.getpid() == me:  # a fork of the student's that comes back here has nothing to say
            answer = respond(namespace, frames.receive(channel))
            if os.getpid() == me:
                frames.send(channel, answer)
    except BaseException as error:
        with contextlib.suppress(BaseException):
            frames.send(channel, f"error {error}".encode())
    finally:
        os._exit(0)


def _forget(channel: int) -> None:
    """No terminal, no open file, no variable of the environment that the marker did not choose."""
    null = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.closerange(3, channel)
    os.closerange(channel + 1, 4096)
    here = os.getcwd()
    os.environ.clear()
    os.environ.update(PATH="/usr/bin:/bin", HOME=here, TMPDIR=here, MPLCONFIGDIR=here, MPLBACKEND="Agg", LANG="C.UTF-8")
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", TQDM_DISABLE="1")


def _watch(worker: int, limits: Limits, control: socket.socket) -> str:
    """Wait for one of the ends; its name."""
    while True:
        if select.select([control], [], [], GLANCE)[0]:
            return "stopped"
        if os.waitpid(worker, os.WNOHANG)[0]:
            return "ended"
        family = processes.family(worker)
        if len(family) > 1 and processes.memory(family) > limits.memory + processes.memory([os.getppid()]):
            return "memory"


def _end(worker: int) -> None:
    """Kill the process; in a namespace of its own the rest dies with it, elsewhere one after another."""
    for _ in range(100):
        left = [pid for pid in {*processes.family(worker), *processes.family(os.getpid())} if pid != os.getpid()]
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            time.sleep(0.01)
            continue
        return
