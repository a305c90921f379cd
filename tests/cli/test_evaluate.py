"""`metalearn evaluate`: what it prints and records, and what it answers when it cannot."""

import json
import re
import shutil

import pytest
import torch
from helpers import TINY_RUN, easy_classes, read_log, write_pictures

from metalearn_course import datasets, training
from metalearn_course.cli.main import main
from metalearn_course.common import storage
from metalearn_course.learners import MAML, load_learner, load_pretrained
from metalearn_course.nets import MamlNet
from metalearn_course.sampling import EpisodeSampler


def test_a_learner_may_be_trained_with_more_classes_than_it_is_evaluated_with(protonet, capsys):
    assert read_log(protonet)[-1]["validation"]
    score = ["evaluate", str(protonet), "--n-episodes", "3", "--n-query", "2", "--device", "cpu"]
    assert main(score) == 0 and "3-way 1-shot" in capsys.readouterr().out
    assert main([*score, "--n-way", "5", "--k-shot", "4"]) == 0 and "5-way 4-shot" in capsys.readouterr().out


def test_evaluate_scores_both_modes_on_the_dataset_of_the_run(trained, capsys):
    assert main(["evaluate", str(trained), "--n-episodes", "3", "--n-query", "2", "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "(3 episodes, transductive)" in out and "(3 episodes, inductive)" in out
    assert "3-way 1-shot, test classes of mine" in out


def test_evaluate_records_what_results_prints_and_load_pretrained_loads(trained, tmp_path, capsys):
    command = ["evaluate", str(trained), "--n-episodes", "3", "--n-query", "2", "--device", "cpu", "--k-shot", "2"]
    assert main([*command, "--steps", "4", "--record", "mine-maml-3w2s"]) == 0
    entry = json.loads((tmp_path / "results" / "mine-maml-3w2s.json").read_text(encoding="utf-8"))
    assert (entry["k_shot"], entry["n_query"], entry["test"]) == (2, 2, {"steps": 4})
    assert entry["split"] == {"split_seed": 0, "official": False, "init": None, "part": "test"}
    assert entry["train"]["device"] == "cpu" and "train maml" in entry["train"]["command"]
    capsys.readouterr()
    assert main(["results"]) == 0
    assert "mine-maml-3w2s" in capsys.readouterr().out
    assert load_pretrained("mine-maml-3w2s").n_way == 3
    assert main(["evaluate", "mine-maml-3w2s", "--n-episodes", "2", "--n-query", "2", "--device", "cpu"]) == 0


def test_the_ledger_names_the_device_of_the_training_and_not_of_the_evaluation(trained, tmp_path, monkeypatch):
    """Trained on a GPU, evaluated on a CPU."""
    from metalearn_course.cli import runs as command_line

    def from_gpu(path):
        learner, info = load_learner(path)
        return learner, info | {"device": "NVIDIA H100"}

    monkeypatch.setattr(command_line, "load_learner", from_gpu)
    command = ["evaluate", str(trained), "--n-episodes", "2", "--n-query", "2", "--device", "cpu"]
    assert main([*command, "--record", "mine"]) == 0
    assert (
        json.loads((tmp_path / "results" / "mine.json").read_text(encoding="utf-8"))["train"]["device"] == "NVIDIA H100"
    )


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ("--k-shot 0", "k_shot=0"),
        ("--n-episodes 1", "n_episodes=1"),
        ("--n-query 99", "test classes: class .* has 8 pictures"),
        ("--steps -1", "-1 is less than 0"),
        ("--n-way 4", "has 4 classes, but this MAML has a linear head for 3"),
        ("--part train", "seen in training"),
        ("--part all", "seen in training"),
        ("--part most", "invalid choice: 'most'"),
        ("--threads 0", "0 is less than 1"),
        ("--device nonsense", "no device 'nonsense'"),
    ],
)
def test_wrong_values_in_evaluation_are_answered_in_one_line(trained, refused, options, answer):
    assert re.search(answer, refused("evaluate", trained, "--n-query", 2, *options.split()))


def test_steps_for_a_learner_without_any_are_refused(protonet, refused):
    assert "ProtoNet takes no steps" in refused("evaluate", protonet, "--n-query", 2, "--steps", 3)


@pytest.mark.parametrize("name", ["../x", "a/b", "", "/x"])
@pytest.mark.parametrize("command", ["evaluate", "calibrate", "augment"])
def test_a_name_that_is_no_files_is_refused_before_anything_is_measured(trained, refused, command, name, tmp_path):
    assert "cannot be the name of an entry" in refused(command, trained, "--record", name)
    assert not list(tmp_path.rglob("*"))


def test_a_learner_with_the_net_of_the_clinic_is_evaluated(tmp_path, pictures, capsys):
    """It has no image_size to be configured: it takes 28."""
    images = datasets.load(f"folder:{pictures}")
    sampler = EpisodeSampler(images.split()[0], 3, 1, 2)
    notes = dict(dataset=f"folder:{pictures}")
    training.fit(MAML(MamlNet(1, 4), 3), sampler, 1, n_tasks=1, out="run", notes=notes, progress=False)
    assert main(["evaluate", "run", "--n-episodes", "2", "--device", "cpu"]) == 0
    assert "3-way 1-shot" in capsys.readouterr().out


@pytest.mark.parametrize("info", [{}, {"setup": {"learner": {"name": "Foreign", "net": {"name": "Wide"}}}}])
def test_a_checkpoint_of_something_else_is_answered_in_one_line(tmp_path, refused, pictures, info):
    (tmp_path / "run").mkdir()
    storage.write(tmp_path / "run" / "last.safetensors", {"x": torch.zeros(1)}, info)
    assert "last.safetensors holds no learner: it is not the checkpoint of a training run" in refused("evaluate", "run")
    command = ["train", "maml", "--dataset", f"folder:{pictures}", "--init", "run", *TINY_RUN]
    assert "last.safetensors holds no learner" in refused(*command)


def test_a_run_that_does_not_exist_is_answered_in_one_line(refused):
    assert "'nothing' is neither the folder of a run nor an entry" in refused("evaluate", "nothing")


def test_pictures_that_the_net_cannot_take_are_answered_in_one_line(trained, refused, tmp_path):
    other = write_pictures(tmp_path / "other", easy_classes(20, 8, size=28))
    command = ["evaluate", trained, "--dataset", f"folder:{other}", "--n-query", 2]
    answer = refused(*command, "--channels", 3, "--size", 84)
    assert "(3, 84, 84)" in answer and "trained on (1, 28, 28)" in answer


def test_a_folder_that_has_changed_since_the_training_is_refused(trained, pictures, refused, tmp_path):
    """One class more makes another split: classes to test on are then among those trained on."""
    changed = shutil.copytree(pictures, tmp_path / "mine")
    shutil.copytree(changed / "class00", changed / "class99")
    answer = refused("evaluate", trained, "--dataset", f"folder:{changed}", "--n-query", 2)
    assert "mine has changed since the learner was trained on it" in answer
