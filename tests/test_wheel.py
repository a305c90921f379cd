"""The course as it is installed: a wheel in an environment of its own, with no clone in sight."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import metalearn_course

ROOT = Path(__file__).parents[1]
BUILD = "import sys, hatchling.build as b; print(b.build_sdist(sys.argv[1])); print(b.build_wheel(sys.argv[1]))"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the wheel and the source archive."""
    folder = tmp_path_factory.mktemp("built")
    subprocess.run([sys.executable, "-c", BUILD, str(folder)], cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Runs a program of an environment that has the wheel, and the packages that it needs, but no clone.

    A .pth file lends the packages of this environment; a path that one names is not searched for further ones,
    so an editable install of the clone stays behind.
    """
    home, work = tmp_path_factory.mktemp("environment"), tmp_path_factory.mktemp("work")
    venv.create(home, with_pip=False)
    program = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = Path(subprocess.run([program, "-c", where], check=True, capture_output=True, encoding="utf-8").stdout.strip())
    with zipfile.ZipFile(wheel) as file:  # which is all that an installer does with it, but for the scripts
        file.extractall(own)
    (own / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "METALEARN_RESULTS")}

    def run(*command, **more) -> str:
        options = dict(cwd=work, env=clean | {"TQDM_DISABLE": "1"} | more, capture_output=True, encoding="utf-8")
        done = subprocess.run([program, *map(str, command)], **options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run.own, run.work = own, work
    return run


FACTS = """
import json, os, metalearn_course as m
from metalearn_course import datasets, ledger, learners
found = dict(file=m.__file__, version=m.__version__, entries=list(ledger.entries()))
found["folder"] = str(ledger.folder())
os.environ["METALEARN_RESULTS"] = "elsewhere"
found["told"] = str(ledger.folder())
found["n_way"] = learners.load_pretrained("kanji-maml-5w1s").n_way
found["sizes"] = {name: len(datasets.load(name)) for name in ("kanji", "emoji")}
print(json.dumps(found))
"""
EVALUATE = """
from metalearn_course.cli.main import main
command = "evaluate kanji-pretrained-5w1s --n-episodes 2 --device cpu --record mine"
assert main(command.split()) == 0
assert main(["results"]) == 0
"""


@pytest.fixture(scope="module")
def facts(installed):
    return json.loads(installed("-c", FACTS))


def test_the_package_is_the_installed_one(installed, facts):
    assert Path(facts["file"]).parents[1].resolve() == installed.own.resolve()
    assert facts["version"] == metalearn_course.__version__


def test_the_ledger_comes_along_and_the_readers_own_is_written_elsewhere(facts):
    assert {path.stem for path in (ROOT / "results").glob("*.json")} == set(facts["entries"])
    assert facts["n_way"] == 5
    assert (facts["folder"], facts["told"]) == ("results", "elsewhere")


def test_the_embedded_data_come_along(facts):
    assert min(facts["sizes"].values()) > 500


def test_a_learner_of_the_ledger_is_evaluated_and_recorded_outside_the_package(installed):
    def files():
        return {path for path in installed.own.rglob("*") if "__pycache__" not in path.parts}

    before = files()
    out = installed("-c", EVALUATE)
    assert "5-way 1-shot, test classes of kanji" in out and f"recorded as {Path('results') / 'mine.json'}" in out
    table = out.split("recorded as")[1]
    assert "\nmine " in table and "omniglot-protonet-5w1s" in table
    assert (installed.work / "results" / "mine.safetensors").exists() and files() == before


def test_the_wheel_holds_what_it_should_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        (scripts,) = (file.read(name).decode() for name in names if name.endswith("entry_points.txt"))
    assert "metalearn = metalearn_course.cli.main:main" in scripts
    assert "metalearn_course/py.typed" in names
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "metalearn_course").rglob("*.py")}
    assert package <= set(names)
    results = {f"metalearn_course/{p.relative_to(ROOT).as_posix()}" for p in (ROOT / "results").rglob("*.*")}
    assert results <= set(names)
    assert all(name.startswith(("metalearn_course/", "metalearn_course-")) for name in names)
    assert wheel.stat().st_size < 60e6, f"{wheel.stat().st_size / 1e6:.0f} MB: is there a checkpoint too many?"


def test_the_source_archive_has_all_that_the_wheel_is_made_of(built):
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        names = {name.split("/", 1)[1] for name in file.getnames()}
    needed = [path for part in ("metalearn_course", "results") for path in (ROOT / part).rglob("*.*") if path.is_file()]
    wanted = {path.relative_to(ROOT).as_posix() for path in needed if "__pycache__" not in path.parts}
    assert wanted | {"pyproject.toml", "README.md", "LICENSE"} <= names
