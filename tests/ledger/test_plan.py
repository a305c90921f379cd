"""The list of runs behind `make results`: complete, understood by the command line, resumable, never repeated."""

import importlib.util
import shlex
import sys
from pathlib import Path

import pytest
from helpers import easy_classes, write_pictures

from metalearn_course.cli.main import main, read
from metalearn_course.cli.train import usual_query
from metalearn_course.ledger import plan, records
from metalearn_course.ledger.plan import RUNS, Planned


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    monkeypatch.setenv("METALEARN_RESULTS", str(tmp_path / "results"))
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


def test_every_entry_of_the_ledger_is_on_the_list():
    planned = [name for run in RUNS for name in run.entries]
    assert len(planned) == len(set(planned))
    assert set(records.entries()) <= set(planned)


def what_was_trained(command: str) -> dict:
    """The options that make a training what it is. Not its length, which may have been changed under way."""
    found = vars(read(["train", *shlex.split(command)]))
    free = {"out", "n_steps", "validate_every", "device", "threads", "root", "typed", "parser"}
    init = Path(found["init"]).name if found["init"] else None  # a run's folder, or the entry made from it
    n_query = found["n_query"] or usual_query(found["learner"])
    return {key: value for key, value in found.items() if key not in free} | {"init": init, "n_query": n_query}


def test_the_list_trains_what_the_ledger_says_was_trained():
    for run in RUNS:
        for name in run.entries.keys() & records.entries().keys():
            recorded = records.entries()[name]["train"]["command"].split("metalearn_course train ")[1]
            assert what_was_trained(run.train) == what_was_trained(recorded), name


@pytest.mark.parametrize("run", RUNS, ids=lambda run: next(iter(run.entries)))
def test_every_command_is_understood_and_names_what_it_makes(run, ledger):
    train, *evaluations = plan.commands(run)
    for command in (train, *evaluations):
        assert command[0] == sys.executable
        read(command[command.index("metalearn_course") + 1 :])
    for command, name in zip(evaluations, run.entries, strict=True):
        args = read(command[command.index("metalearn_course") + 1 :])
        assert args.record == name
        trained = read(train[train.index("metalearn_course") + 1 :])
        n_way = args.n_way or trained.test_way or trained.n_way
        k_shot = args.k_shot or trained.test_shot or trained.k_shot
        assert f"-{n_way}w{k_shot}s" in name and name.startswith(trained.dataset)


def test_every_measurement_of_calibration_is_understood_and_named_after_what_it_asks(ledger):
    todo = plan.measuring_commands("calibration")
    planned = {name for run in RUNS for name in run.entries}
    for command, name in zip(todo, plan.calibrations(), strict=True):
        args = read(command[command.index("metalearn_course") + 1 :])
        assert args.record == name and args.run in planned
        if "-on-" in name:
            assert name.endswith(f"-on-{args.dataset}-5w{args.k_shot}s") and ("mean" in name) == (args.samples == 0)
    records.record_measured("calibration", "omniglot-protonet-5w1s", {})
    assert len(plan.measuring_commands("calibration")) == len(todo) - 1


def test_every_measurement_in_the_ledger_is_on_the_list():
    assert set(records.measured("calibration")) <= set(plan.calibrations())
    assert set(records.measured("generated")) <= set(plan.augmentations())
    assert set(records.measured("incontext")) <= set(plan.in_context())


def test_every_measurement_of_generated_pictures_is_understood_and_named_after_its_tasks(ledger):
    planned = {name for run in RUNS for name in run.entries}
    for command, name in zip(plan.measuring_commands("generated"), plan.augmentations(), strict=True):
        args = read(command[command.index("metalearn_course") + 1 :])
        assert args.record == name and args.run in planned and name.endswith(f"-{args.n_way}w{args.k_shot}s")


def test_every_measurement_of_lesson_16_is_made_by_a_module_that_exists(ledger):
    todo = plan.measuring_commands("incontext")
    assert [command[3:] for command in todo] == [[], ["0"], ["1"], ["2"]]
    assert all(importlib.util.find_spec(command[2]) for command in todo)
    records.record_measured("incontext", "transience-seed1", {})
    assert len(plan.measuring_commands("incontext")) == len(todo) - 1


def test_what_is_there_is_not_done_again(ledger):
    run = Planned("maml", {"one": "", "two": "--k-shot 5"})
    assert len(plan.commands(run)) == 3
    (ledger / "one.json").write_text("{}", encoding="utf-8")
    train, only = plan.commands(run)
    assert only[-1] == "two" and train[-1] == "runs/one"
    (ledger / "two.json").write_text("{}", encoding="utf-8")
    assert plan.commands(run) == []


def test_a_run_is_trained_measured_and_then_left_alone(ledger, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    pictures = write_pictures(tmp_path / "pictures", easy_classes(30, 8, size=28))
    tiny = f"protonet --dataset folder:{pictures} --n-way 3 --n-query 1 --test-way 2 --n-steps 2 --device cpu"
    runs = (Planned(tiny, {"mine-protonet-2w1s": "--n-query 2 --n-episodes 2"}),)
    plan.reproduce(runs)
    assert set(records.entries()) == {"mine-protonet-2w1s"}
    assert (ledger / "mine-protonet-2w1s.safetensors").exists()
    capfd.readouterr()
    plan.reproduce(runs)
    assert capfd.readouterr().out == ""


def test_a_command_that_fails_stops_the_list_and_says_how_to_go_on(ledger, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ChildProcessError, match="make results"):
        plan.reproduce((Planned("maml --dataset folder:nowhere", {"x": ""}),))


def test_the_list_can_be_looked_at(capsys):
    assert main(["reproduce", "--list"]) == 0
    out = capsys.readouterr().out
    assert "there    kanji-maml-5w1s" in out
