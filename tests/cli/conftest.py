"""What the tests of the command line share: a folder of pictures, two small runs, and how a refusal looks."""

import re

import pytest
from helpers import TINY_RUN, easy_classes, write_pictures

from metalearn_course.cli.main import main


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder of 30 classes with 8 pictures each: 20 classes for training, 3 for validation, 7 for testing."""
    return write_pictures(tmp_path_factory.mktemp("data") / "mine", easy_classes(30, 8, size=28))


@pytest.fixture(scope="session")
def trained(pictures, tmp_path_factory):
    """The folder of a run of two steps; read only."""
    out = tmp_path_factory.mktemp("runs") / "first"
    assert (
        main(["train", "maml", "--dataset", f"folder:{pictures}", "--n-steps", "2", "--out", str(out), *TINY_RUN]) == 0
    )
    return out


@pytest.fixture(scope="session")
def protonet(pictures, tmp_path_factory):
    """The folder of a ProtoNet trained with six classes, two pictures each, for tasks of three and one."""
    out = tmp_path_factory.mktemp("runs") / "protonet"
    command = ["train", "protonet", "--dataset", f"folder:{pictures}", "--n-steps", "2", "--out", str(out), *TINY_RUN]
    assert main([*command, "--n-way", "6", "--k-shot", "2", "--test-way", "3", "--test-shot", "1"]) == 0
    return out


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No command touches the course's own ledger or the folder that the tests were started in."""
    monkeypatch.setenv("METALEARN_RESULTS", str(tmp_path / "results"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def refused(capsys):
    """Runs a command that cannot work and returns its one line of answer; what was read is said before."""

    def run(*command):
        capsys.readouterr()
        try:
            code = main([str(word) for word in command])
        except SystemExit as stop:
            code = stop.code
        *said, err = capsys.readouterr().err.splitlines(keepends=True)
        assert code in (1, 2)
        assert err.startswith("error: ") and err.endswith("\n")
        assert all(re.search(r": \d+ classes? with ", line) for line in said)
        return err

    return run
