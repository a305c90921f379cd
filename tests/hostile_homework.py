"""Submissions to the toy homework that try to stop the marking, to cheat it, or to look where they should not.

Each has the points that it earned: three for `double`, two for `guess`. {folder} stands for the marker's
folder of sources, submissions and marks; {port} for a server on the marker's machine.
"""

import json
from typing import NamedTuple

from toy_homework import answered, source


class Hostile(NamedTuple):
    """A submission, as answers or as bytes, and what it earned."""

    name: str
    content: dict[str, str] | bytes
    earned: tuple[float, float]


# Whoever runs one of these does not come back.
FATAL = {
    "loop": "while True: pass",
    "sleep": "import time; time.sleep(1e6)",
    "big power": "9 ** 9 ** 9",
    "deaf loop": "import signal\nfor n in range(1, 32):\n    try: signal.signal(n, signal.SIG_IGN)\n"
    "    except (OSError, ValueError): pass\nwhile True: pass",
    "stubborn": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "exit at once": "import os; os._exit(0)",
    "kill itself": "import os, signal; os.kill(os.getpid(), signal.SIGKILL); os._exit(1)",
    "abort": "import os; os.abort()",
    "read nowhere": "import ctypes; ctypes.string_at(0)",
    "close all": "import os; os.closerange(0, 256)",
    "garbage down the line": "import os\nfor n in range(3, 256):\n    try: os.write(n, b'\\xff' * 64)\n"
    "    except OSError: pass\nwhile True: pass",
    "threads that wait": "import threading\nfor _ in range(1000):\n"
    "    try: threading.Thread(target=lambda: threading.Event().wait()).start()\n    except RuntimeError: break\n"
    "threading.Event().wait()",
    "fork bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "memory in many": "import os\ntry:\n    while os.fork(): pass\nexcept OSError: pass\nhold = bytearray(1 << 30)\n"
    "while True: hold[::4096] = bytes(len(hold[::4096]))",
    "gigabytes to read": "import os\nwhile True: os.write(1, b'x' * 1_000_000)",
    "exception": "raise ValueError('no' * 10_000_000)",
    "exit": "raise SystemExit(0)",
    "interrupt": "raise KeyboardInterrupt",
    "mute exception": "class E(Exception):\n    def __str__(self): raise self\nraise E",
    "recursion": "f = lambda: f()\nf()",
    "memory": "hold = bytearray(1 << 40)",
    "tensor": "import torch; torch.ones(1 << 40)",
    "growing list": "hold = [0]\nwhile True: hold += hold",
}
# These change nothing: what is right stays right, what is wrong stays wrong.
VAIN = {
    "print marks": "print('double-test 3 of 3', flush=True)",
    "print json": 'print(\'{"points": 3, "possible": 3}\')',
    "much output": "for _ in range(200): print('x' * 100_000)",
    "patch assert": "import builtins; builtins.AssertionError = type('E', (Exception,), {})",
    "patch builtins": "import builtins; builtins.all = builtins.any = lambda *_: True",
    "patch comparison": "import torch; torch.testing.assert_close = lambda *a, **k: None",
    "patch tensor": "import torch; torch.equal = torch.allclose = lambda *a, **k: True",
    "patch marking": "import metalearn_course.homework.marking as m; m.mark = m._mark = lambda *a: None",
    "patch check": "import metalearn_course.homework as h; h.check = h.grade = h.hidden_seed = lambda *a: 0",
    "patch pages": "import metalearn_course.homework.pages as p; p.write = lambda *a: None",
    "drop modules": "import sys; [sys.modules.pop(n) for n in list(sys.modules) if n.startswith('torch.testing')]",
    "delete tests": "import os\nfor r, d, f in os.walk('{folder}', topdown=False):\n"
    "    for n in f: os.remove(f'{r}/{n}')",
    "delete all": "import shutil; shutil.rmtree('{folder}')",
    "write marks": "import os; os.makedirs('{folder}/marks', exist_ok=True)\n"
    "open('{folder}/marks/marks.csv', 'w').write('5')",
    "write source": "open('{folder}/sources/hw7_toy.ipynb', 'w').write('')",
    "write package": "import metalearn_course as m; open(m.__file__, 'a').write('raise SystemExit')",
    "write torch": "import torch; open(torch.__file__, 'a').write('raise SystemExit')",
    "write usr": "open('/usr/lib/hostile', 'w').write('x')",
    "fill disc": "[open(f'f{n}', 'wb').write(bytes(32 << 20)) for n in range(100)]",
    "many files": "[open(f'f{n}', 'w').close() for n in range(1000)]",
    "open files": "hold = [open('/dev/null') for _ in range(10_000)]",
    "daemon": "import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork(): os._exit(0)\n"
    "    import time; time.sleep(1e6)",
    "child": "import subprocess; hold = subprocess.Popen(['sleep', '1000000'], start_new_session=True)",
    "child that comes back": "import os; os.fork()",
    "kill all": "import os; os.kill(-1, 9)",
    "kill parent": "import os; os.kill(os.getppid() or 2, 9)",
    "kill group": "import os; os.killpg(0, 0)",
    "more rights": "import os; os.setuid(0)",
    "more limits": "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "mount": "import ctypes; ctypes.CDLL(None).mount(b'none', b'/', b'tmpfs', 0, None)",
    "umount": "import ctypes; [ctypes.CDLL(None).umount2(p, 2) for p in (b'/desk', b'/tmp', b'/proc', b'/usr')]",
    "alarm": "import signal; signal.signal(signal.SIGALRM, signal.SIG_IGN)",
    "atexit": "import atexit; atexit.register(print, 'x' * 1_000_000)",
    "no gc": "import gc; gc.disable(); gc.freeze()",
    "trace": "import sys; sys.settrace(lambda *a: None); sys.setrecursionlimit(50)",
    "stack": "import sys; [f.f_globals.update(points=5) for f in sys._current_frames().values()]",
}
# Each would be true if the submission had seen, or reached, what it must not.
SPIES = {
    "the source": "open('{folder}/sources/hw7_toy.ipynb').read()",
    "another student": "os.listdir('{folder}/submissions')",
    "any homework": "glob.glob('{folder}/**/*.ipynb', recursive=True)",
    "hidden seed": "os.environ.get('METALEARN_HOMEWORK_SEED')",
    "environment": "os.environ.get('SECRET')",
    "environment of others": "any(b'SECRET' in open(f'/proc/{p}/environ', 'rb').read() for p in (1, 2, os.getpid()))",
    "other processes": "sum(name.isdigit() for name in os.listdir('/proc')) > 1",
    "users": "open('/etc/passwd').read()",
    "passwords": "open('/etc/shadow').read()",
    "root": "os.getuid() == 0 or os.setresuid(0, 0, 0) is None",
    "network": "socket.create_connection(('127.0.0.1', {port}), 1)",
    "way out": "os.listdir('/proc/1/root{folder}')",
    "open files": "[f for f in os.listdir('/proc/self/fd') if '{folder}' in os.path.realpath('/proc/self/fd/' + f)]",
    "memory": "[o for o in gc.get_objects() if isinstance(o, dict) and ('double-' + 'test') in o]",
    "pictures": "os.path.getsize(glob.glob(os.path.dirname(metalearn_course.__file__) + '/datasets/*.zip')[0])",
    "trace": "ctypes.CDLL(None).ptrace(16, 1, 0, 0) == 0",
    "chroot": "os.chroot('/tmp') is None",
    "namespace": "ctypes.CDLL(None).unshare(0x10000000) == 0",
    "raw device": "[d for d in os.listdir('/dev') if d not in ('null', 'zero', 'random', 'urandom')]",
}
# What a function returns instead of an answer.
RETURNS = {
    "nothing": "None",
    "itself": "double",
    "a class": "type('T', (torch.Tensor,), {'__eq__': lambda s, o: True})",
    "always equal": "type('A', (), {'__eq__': lambda s, o: True, 'tolist': lambda s: [2, 2]})()",
    "a list that agrees": "type('L', (list,), {'__eq__': lambda s, o: True})()",
    "a false named tuple": "type('LabelledSet', (), {'__iter__': lambda s: iter(int, 1)})()",
    "a huge tensor": "torch.zeros(50_000_000)",
    "a wide view": "torch.zeros(1).expand(1 << 40)",
    "a deep list": "[l := [], [l := [l] for _ in range(100_000)]][1][-1]",
    "a circle": "(lambda l: (l.append(l), l)[1])([])",
    "a long string": "'x' * 300_000_000",
    "not a number": "x * float('nan')",
    "a sparse tensor": "(2 * x).to_sparse()",
    "a tensor on meta": "x.to('meta')",
    "bytes": "b'ok'",
    "a large whole number": "10 ** 100_000",
    "other shape": "2 * x[None]",
    "surrogates": "'\\ud800'",
}
RIGHT_DOUBLE, RIGHT_GUESS = "def double(x):\n    return 2 * x", 'guess = "meta"'
IMPORTS = "import ctypes, gc, glob, os, socket\nimport metalearn_course\n"


def _indented(code: str, by: str = "    ") -> str:
    return "\n".join(by + line for line in code.split("\n"))


def _quiet(code: str) -> str:
    return f"try:\n{_indented(code)}\nexcept BaseException: pass"


def _in(code: str, result: str) -> str:
    return f"def double(x):\n{_indented(code)}\n    return {result}"


def _answers() -> list[Hostile]:
    found = []
    for name, code in FATAL.items():
        found.append(Hostile(f"{name}, in a function", dict(double=_in(code, "2 * x")), (0, 2)))
        found.append(Hostile(f"{name}, in a cell", dict(double=f"{code}\n{RIGHT_DOUBLE}"), (0, 2)))
        found.append(Hostile(f"{name}, before another answer", dict(guess=f"{code}\n{RIGHT_GUESS}"), (3, 0)))
    for name, code in VAIN.items():
        code = _quiet(code)
        found.append(Hostile(f"{name}, and wrong", dict(double=_in(code, "x")), (0, 2)))
        found.append(Hostile(f"{name}, and right", dict(double=_in(code, "2 * x")), (3, 2)))
        found.append(Hostile(f"{name}, in a cell", dict(guess=f'{code}\nguess = "no"'), (3, 0)))
    for name, spy in SPIES.items():
        code = f'{IMPORTS}guess = "no"\n' + _quiet(f'if {spy}: guess = "meta"')
        found.append(Hostile(f"a spy: {name}", dict(guess=code), (3, 0)))
    for name, value in RETURNS.items():
        found.append(Hostile(f"returns {name}", dict(double=f"import torch\n{_in('pass', value)}"), (0, 2)))
    return found


def _with(**changes) -> bytes:
    notebook = json.loads(json.dumps(source()))
    return json.dumps(notebook | changes).encode()


def _many_cells() -> bytes:
    cells = json.loads(json.dumps(source()))["cells"]
    return _with(cells=cells + [cells[2]] * 200)


def _files() -> list[Hostile]:
    contents = {
        "empty": b"",
        "no JSON": b"PK\x03\x04" + bytes(range(256)),
        "half": json.dumps(source()).encode()[:300],
        "deep": b"[" * 1_000_000,
        "null": b"null",
        "a list": b"[]",
        "a number": b"1" * 10_000,
        "no cells": b"{}",
        "cells that are none": _with(cells=[1, None, "x"]),
        "cells as text": _with(cells="abc"),
        "no metadata": _with(cells=[{"cell_type": "code", "source": "1", "metadata": None}]),
        "source of numbers": _with(
            cells=[{"cell_type": "code", "source": [1], "metadata": {"nbgrader": {"grade_id": 1}}}]
        ),
        "wrong letters": b"\xff\xfe" + "{}".encode("utf-16-le"),
        "endless answers": json.dumps(answered(source(), double="#" * 100_000)).encode(),
        "many cells": _many_cells(),
        "huge": b" " * 20_000_001,
    }
    found = [Hostile(f"file: {name}", content, (0, 0)) for name, content in contents.items()]
    own_tests = answered(source(), double_test="assert True", guess_test="assert True", double="double = 1")
    found.append(Hostile("file: tests of its own", json.dumps(own_tests).encode(), (0, 2)))
    no_tests = source()
    no_tests["cells"] = [c for c in no_tests["cells"] if not c.metadata.get("nbgrader", {}).get("grade")]
    found.append(Hostile("file: tests deleted", json.dumps(no_tests).encode(), (3, 2)))
    own_setup = answered(source(), setup="raise SystemExit")
    found.append(Hostile("file: set-up destroyed", json.dumps(own_setup).encode(), (3, 2)))
    return found


HOSTILE = _answers() + _files()
QUICK = [
    "deaf loop, in a cell",
    "fork bomb, in a function",
    "memory, in a function",
    "exit at once, before another answer",
    "read nowhere, in a cell",
    "garbage down the line, in a function",
    "gigabytes to read, in a function",
    "print marks, and wrong",
    "patch assert, and wrong",
    "patch comparison, and right",
    "patch marking, in a cell",
    "delete all, and right",
    "write marks, in a cell",
    "fill disc, and right",
    "daemon, and right",
    "kill all, and right",
    "a spy: the source",
    "a spy: another student",
    "a spy: hidden seed",
    "a spy: other processes",
    "a spy: network",
    "a spy: pictures",
    "returns always equal",
    "returns a huge tensor",
    "returns a circle",
    "file: no JSON",
    "file: deep",
    "file: tests of its own",
    "file: tests deleted",
]
