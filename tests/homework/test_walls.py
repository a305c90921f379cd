"""The walls around a submission for an ordinary user; test_grade.py tests them for whoever runs the tests."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import os, socket, tempfile
from metalearn_course import datasets, evaluation, training
from metalearn_course.homework.answers import AnswerError
from metalearn_course.homework.sandbox import server, walls
from metalearn_course.homework.sandbox.client import Remote, Sandbox

DUMPABLE = 4  # Linux takes it from a process that changes its user, and with it the right to map its own users
root = tempfile.mkdtemp()
os.chown(root, 1234, 1234)
os.setgroups([])
os.setresgid(1234, 1234, 1234)
os.setresuid(1234, 1234, 1234)
walls.prctl(DUMPABLE, 1)
sandbox = Sandbox()
sandbox.door, theirs = socket.socketpair()
if os.fork() == 0:
    sandbox.door.close()
    os.chdir(root)
    server.main(theirs.fileno())
    os._exit(0)
theirs.close()
assert sandbox.door.recv(5) == b"ready"
with Remote(sandbox, 60) as answers:
    assert answers.wake() == b"separate"
    answers.ask("run", "cell", "import ctypes, os")
    answers.ask("run", "cell", "def find(text): return str(eval(text))")
    for text, wanted in WANTED.items():
        try:
            found = answers.ask("call", "find", (text,), {})
        except AnswerError as error:
            found = str(error).split(":")[0]
        assert found == wanted, (text, found)
"""
WANTED = {
    "os.getuid()": "1234",
    "open('/desk/x', 'w').write('a')": "1",
    "open('/usr/x', 'w')": "OSError",
    "open('/x', 'w')": "OSError",
    "os.chroot('/tmp')": "PermissionError",
    "os.path.exists('/etc/passwd')": "False",
    "os.listdir('/sys')": "FileNotFoundError",
    "ctypes.CDLL(None).unshare(0x10000000)": "-1",
    "ctypes.CDLL(None).umount2(b'/desk', 2)": "-1",
    "[name for name in os.listdir('/proc') if name.isdigit()]": "['1']",
    "[line for line in open('/proc/self/status') if line.startswith('CapEff')]": "['CapEff:\\t0000000000000000\\n']",
}


@pytest.mark.skipif(os.environ.get("METALEARN_TESTS") != "long", reason="another PyTorch: METALEARN_TESTS=long")
@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_builds_the_same_walls():
    subprocess.run([sys.executable, "-c", f"WANTED = {WANTED!r}\n{SCRIPT}"], check=True, env=os.environ)
