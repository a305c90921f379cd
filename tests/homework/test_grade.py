import csv
import os
import socket
import time

import pytest
from hostile_homework import HOSTILE, QUICK
from toy_homework import hand_in, write_source

from metalearn_course.homework import grade, pages
from metalearn_course.homework import notebook as notebooks
from metalearn_course.homework.grade import find, mark_one
from metalearn_course.homework.marking import SEED
from metalearn_course.homework.sandbox import processes
from metalearn_course.homework.sandbox.client import Sandbox
from metalearn_course.homework.sandbox.walls import Limits

SECONDS = 10  # for one answer; a busy machine needs some to fork


@pytest.fixture(scope="module")
def sandbox():
    """One for all tests: it imports PyTorch."""
    with Sandbox(Limits(seconds=60)) as found:
        yield found


def table(folder):
    with open(folder / "marks.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def mark_found(tmp_path, sandbox):
    tests = {"hw7": notebooks.read(tmp_path / "sources" / "hw7_toy.ipynb")}
    return [mark_one(*file, tests, sandbox, SECONDS) for file in find(tmp_path / "submissions")]


def mark_all(tmp_path, submissions, sandbox):
    """Points per student of submissions {student: what `hand_in` takes}."""
    write_source(tmp_path / "sources")
    for student, content in submissions.items():
        given = dict(notebook=content) if isinstance(content, bytes) else content
        hand_in(tmp_path / "submissions", student, **given)
    results = mark_found(tmp_path, sandbox)
    pages.write(results, tmp_path / "marks")
    return {r.student: tuple(one.points for one in r.marks) for r in results}


def test_a_class_gets_a_table_and_pages(tmp_path):
    write_source(tmp_path / "sources")
    hand_in(tmp_path / "submissions", "ada")
    hand_in(tmp_path / "submissions", "bob", double="def double(x): return [2, 2] if len(x) == 2 else x")
    hand_in(tmp_path / "submissions", "eve", b"no JSON")
    results = grade(tmp_path / "submissions", tmp_path / "marks", seed=5, folder=tmp_path / "sources")
    earned = {r.student: tuple(one.points for one in r.marks) for r in results}
    assert earned == {"ada": (3, 2), "bob": (0, 2), "eve": (0, 0)}
    rows = table(tmp_path / "marks")
    assert [(row["student"], row["points"], row["possible"]) for row in rows] == [
        ("ada", "5", "5"), ("bob", "2", "5"), ("eve", "0", "5"),
    ]  # fmt: skip
    assert rows[1]["hw7 double-test"] == "0" and "not a notebook" in rows[2]["note"]
    found = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "marks").glob("*.html")}
    assert set(found) == {"001-ada-hw7.html", "002-bob-hw7.html", "003-eve-hw7.html", "index.html"}
    assert "Hint: multiply by two." in found["002-bob-hw7.html"]
    assert "5 of 5" in found["001-ada-hw7.html"] and "002-bob-hw7.html" in found["index.html"]


def test_an_answer_to_the_public_test_alone_fails_the_hidden_one(tmp_path, sandbox):
    memorised = "def double(x): return torch.tensor([2.0, 2.0])"
    write_source(tmp_path / "sources")
    hand_in(tmp_path / "submissions", "a", double=memorised)
    (result,) = mark_found(tmp_path, sandbox)
    assert result.marks[0].points == 0 and result.marks[0].message.startswith("hidden test: ")


def test_submissions_are_found_however_they_lie(tmp_path):
    for name in ("ada/hw2.ipynb", "bob/hw2/hw2.ipynb", "eve_hw12.ipynb", ".x/hw2.ipynb", "hw2.ipynb", "a/other.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [(student, homework) for student, homework, _ in find(tmp_path)]
    assert sorted(found) == [("ada", "hw2"), ("bob", "hw2"), ("eve", "hw12"), ("hw2", "hw2")]


def test_names_of_students_are_text_and_nothing_else(tmp_path, sandbox):
    names = ["=cmd()", "<script>x</script>", "a" * 200, "Zoë 李", "-1+1"]
    mark_all(tmp_path, dict.fromkeys(names, b""), sandbox)
    text = (tmp_path / "marks" / "marks.csv").read_text(encoding="utf-8")
    assert "\n'=cmd()," in text and "\n'-1+1," in text and "Zoë 李" in text
    found = [path.read_text(encoding="utf-8") for path in (tmp_path / "marks").glob("*.html")]
    assert len(found) == 6 and not any("<script>" in page for page in found)


def test_what_is_no_plain_file_is_not_opened(tmp_path, sandbox):
    write_source(tmp_path / "sources")
    ada = hand_in(tmp_path / "submissions", "ada")
    for student in ("link", "pipe", "folder"):
        (tmp_path / "submissions" / student).mkdir()
    (tmp_path / "submissions" / "link" / "hw7.ipynb").symlink_to(ada)
    os.mkfifo(tmp_path / "submissions" / "pipe" / "hw7.ipynb")
    (tmp_path / "submissions" / "folder" / "hw7.ipynb").mkdir()
    results = mark_found(tmp_path, sandbox)
    assert {r.student: r.total for r in results} == {"ada": 5, "link": 0, "pipe": 0, "folder": 0}


@pytest.mark.parametrize("missing", ["nowhere", "empty"])
def test_a_folder_without_submissions_is_an_error(tmp_path, missing):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="is not a folder|no notebook"):
        grade(tmp_path / missing, tmp_path / "marks")


def hostile_earnings(tmp_path, monkeypatch, wanted, sandbox):
    """What the wanted hostile submissions get and got, all marked in one go between two honest ones."""
    monkeypatch.setenv("SECRET", "the marker's own")
    monkeypatch.setenv(SEED, "77")
    listener = socket.create_server(("127.0.0.1", 0))
    places = dict(folder=tmp_path, port=listener.getsockname()[1])
    submissions, earned = {"000 honest": {}}, {"000 honest": (3, 2)}
    for number, one in enumerate(wanted, 1):
        content = one.content
        if isinstance(content, dict):
            content = {name: _filled(code, places) for name, code in content.items()}
        submissions[f"{number:03d} {one.name}".replace("/", " ")] = content
        earned[f"{number:03d} {one.name}".replace("/", " ")] = one.earned
    submissions["999 honest"], earned["999 honest"] = {}, (3, 2)
    with listener:
        return mark_all(tmp_path, submissions, sandbox), earned


def _filled(code: str, places: dict) -> str:
    for name, place in places.items():
        code = code.replace(f"{{{name}}}", str(place))
    return code


def soon(happens, seconds: int = 60) -> bool:
    """Whether it happens, also on a machine with other work."""
    until = time.monotonic() + seconds
    while not happens() and time.monotonic() < until:
        time.sleep(0.1)
    return happens()


def children() -> set[int]:
    """Every process below this one that still runs."""
    return {pid for pid in processes.family(os.getpid()) if pid != os.getpid() and not _is_over(pid)}


def _is_over(pid: int) -> bool:
    """Whether it has ended, and at most waits for its parent to take notice."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.skipif(not os.path.exists("/proc/self"), reason="looks into /proc")
def test_hostile_submissions_stop_nothing_and_get_what_they_earned(tmp_path, monkeypatch, sandbox):
    by_name = {one.name: one for one in HOSTILE}
    wanted = [by_name[name] for name in QUICK if sandbox.separate or not name.startswith(("a spy", "delete", "write"))]
    before = children()
    got, earned = hostile_earnings(tmp_path, monkeypatch, wanted, sandbox)
    assert {name: points for name, points in got.items() if points != earned[name]} == {}
    assert len(got) == len(wanted) + 2
    assert soon(lambda: children() <= before)


@pytest.mark.skipif(os.environ.get("METALEARN_TESTS") != "long", reason="minutes: METALEARN_TESTS=long")
def test_two_hundred_hostile_submissions(tmp_path, monkeypatch, sandbox):
    assert len(HOSTILE) >= 200 and sandbox.separate
    before = children()
    got, earned = hostile_earnings(tmp_path, monkeypatch, HOSTILE, sandbox)
    assert {name: points for name, points in got.items() if points != earned[name]} == {}
    assert soon(lambda: children() <= before)
