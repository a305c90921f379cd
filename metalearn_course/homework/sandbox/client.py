"""The marker's side: start a server, and ask a student's process questions."""

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import metalearn_course
from metalearn_course.homework import exchange
from metalearn_course.homework.answers import AnswerError, verdict
from metalearn_course.homework.sandbox import frames, processes
from metalearn_course.homework.sandbox.walls import Limits

PACKAGE = Path(metalearn_course.__file__).resolve().parent
ENDS = {"memory": "the processes together used too much memory"}
OVER = "the time for the whole homework is over"
UNSEPARATED = (
    "this system offers no namespaces: submissions run with limits of time and memory, but could read this "
    "machine's files and reach the network; mark them in a container or a virtual machine"
)


class Sandbox:
    """A server of processes for students' answers; a context manager.

    hidden: folders and files of the marker's that no submission may see.
    """

    def __init__(self, limits: Limits | None = None, hidden: tuple[str | Path, ...] = ()):
        if not hasattr(socket, "send_fds") or sys.platform == "win32":
            raise OSError("marking needs Linux or macOS; on Windows use the Windows Subsystem for Linux")
        limits = limits or Limits()
        readable = (sys.prefix, sys.base_prefix, str(PACKAGE), *limits.readable)
        concealed = (*hidden, *PACKAGE.glob("datasets/*.zip"), *limits.hidden)
        self.limits = limits._replace(readable=readable, hidden=tuple(str(Path(p).resolve()) for p in concealed))

    def __enter__(self) -> "Sandbox":
        self.root = tempfile.mkdtemp(prefix="metalearn-homework-")
        self.door, theirs = socket.socketpair()
        command = [sys.executable, "-m", f"{__package__}.server", str(theirs.fileno())]
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1"}
        self.server = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment, cwd=self.root)
        theirs.close()
        if self.door.recv(5) != b"ready":
            raise OSError("the process that submissions are run in did not start; see above")
        with Remote(self) as trial:
            self.separate = trial.wake() == b"separate"
        if not self.separate:
            warnings.warn(UNSEPARATED, stacklevel=2)
        return self

    def __exit__(self, *_) -> None:
        self.door.close()
        self.server.wait()
        shutil.rmtree(self.root, ignore_errors=True)

    def start(self) -> tuple[socket.socket, socket.socket]:
        """A new process: the sockets to its answers and to its keeper."""
        (channel, theirs), (control, keepers) = socket.socketpair(), socket.socketpair()
        request = json.dumps(self.limits._asdict()).encode()
        socket.send_fds(self.door, [request], [theirs.fileno(), keepers.fileno()])
        theirs.close()
        keepers.close()
        return channel, control


class Remote:
    """Answers in a process of the sandbox; a context manager.

    A question that takes more than `seconds` ends the process. The next one starts another and runs the
    cells again that had run so far, but for those that never came back. All questions together may take
    as long as the sandbox's limits say. Time in which the machine was busy with others does not count.
    """

    def __init__(self, sandbox: Sandbox, seconds: float = 120):
        self.sandbox, self.seconds, self.left = sandbox, seconds, float(sandbox.limits.seconds)
        self.channel: Any = None  # the two sockets, while a process runs
        self.control: Any = None
        self.worker = 0  # the number of the process
        self.ran: list[bytes] = []

    def __enter__(self) -> "Remote":
        return self

    def __exit__(self, *_) -> None:
        self._hang_up()

    def ask(self, *request) -> Any:
        """What the student's process says to a request (`answers.respond`); AnswerError where it fails."""
        data = exchange.pack(request)
        if self.left < 0:
            raise AnswerError(OVER)
        if self.channel is None:
            self._start_again()
        answer = self._exchange(data)
        if request[0] == "run":
            self.ran.append(data)
        return verdict(answer)

    def wake(self) -> bytes:
        """Start the process; how it is walled in: b"separate" or b"limits"."""
        self.channel, self.control = self.sandbox.start()
        self.worker = int(self.control.recv(8) or b"0")
        said = frames.receive(self.channel)
        if said not in (b"separate", b"limits"):
            raise OSError(f"a submission could not be walled in: {said.decode(errors='replace')}")
        return said

    def _start_again(self) -> None:
        if self.wake() == b"limits" and self.sandbox.separate:
            raise OSError("the system has stopped offering namespaces")
        for data in self.ran:
            self._exchange(data)

    def _exchange(self, data: bytes) -> bytes:
        watch = Stopwatch(self.worker)
        allowed = min(self.seconds, self.left)
        try:
            frames.send(self.channel, data, lambda: watch.seconds() > allowed)
            return frames.receive(self.channel, lambda: watch.seconds() > allowed)
        except TimeoutError:
            said = OVER if allowed < self.seconds else f"no answer within {self.seconds:g} seconds"
        except ValueError as error:
            said = str(error)
        except (EOFError, OSError):
            said = ENDS.get(self._last_words(), "the process died (out of memory, or ended by its own code)")
        finally:
            self.left -= watch.seconds()
        self._hang_up()
        raise AnswerError(said)

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            self.control.settimeout(5)
            return self.control.recv(16).decode(errors="replace")
        return ""

    def _hang_up(self) -> None:
        for end in (self.channel, self.control):
            if end is not None:
                end.close()
        self.channel = self.control = None


class Stopwatch:
    """How long a process has taken, without the time in which it waited for a core."""

    def __init__(self, worker: int):
        self.worker, self.started, self.before = worker, time.monotonic(), processes.spent(worker)

    def seconds(self) -> float:
        """The clock's time less the waiting; or the processor's, where several processes have used more of it."""
        now = processes.spent(self.worker)
        clock = time.monotonic() - self.started - max(0.0, now.waiting - self.before.waiting)
        return max(clock, now.computing - self.before.computing)
