"""A reader's own few classes, from the terminal: trained on, and evaluated on."""

import json

import pytest
from helpers import easy_classes, write_pictures

from metalearn_course import datasets
from metalearn_course.cli.main import main
from metalearn_course.datasets import from_tensors
from metalearn_course.learners import load_learner
from metalearn_course.training import History

FEW = ["--n-steps", "2", "--n-tasks", "1", "--device", "cpu"]
SCORE = ["--n-episodes", "3", "--device", "cpu"]


@pytest.fixture(scope="module")
def signs(tmp_path_factory):
    """Six classes of five pictures."""
    return write_pictures(tmp_path_factory.mktemp("own") / "signs", easy_classes(6, 5, size=28))


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Four other classes, coloured and larger."""
    return write_pictures(tmp_path_factory.mktemp("own") / "other", easy_classes(4, 4, size=40, seed=1), mode="RGB")


@pytest.fixture(scope="module")
def on_all_six(signs, tmp_path_factory):
    """A ProtoNet of all six signs."""
    out = tmp_path_factory.mktemp("runs") / "signs"
    command = ["train", "protonet", "--dataset", f"folder:{signs}", "--n-way", "3", "--out", str(out), *FEW]
    assert main([*command, "--no-validation", "--split", "6", "0", "0"]) == 0
    return out


def test_a_learner_of_six_signs_is_asked_about_other_ones(on_all_six, other, capsys):
    learner, _ = load_learner(on_all_six / "last.safetensors")
    assert len(learner.trained_on["groups"]) == 6 and not (on_all_six / "best.safetensors").exists()
    assert main(["evaluate", str(on_all_six), "--dataset", f"folder:{other}", "--part", "all", *SCORE]) == 0
    assert "3-way 1-shot, all classes of other" in capsys.readouterr().out


def test_its_own_classes_are_refused(on_all_six, refused):
    assert "seen in training" in refused("evaluate", on_all_six, "--part", "all", *SCORE)


@pytest.mark.parametrize(
    ("split", "n_training", "n_validation"),
    [
        ("--no-validation --split 3 1 2", 4, 0),
        ("--no-validation --split 0.5 0.5 0", 6, 0),
        ("--split 4 2 0 --test-way 2", 4, 2),
        ("--split 0.5 0.5 0", 3, 3),
        ("--split 4 0 2", 4, 0),
    ],
)
def test_the_split_is_the_one_that_was_asked_for(signs, fitted, split, n_training, n_validation):
    command = ["train", "protonet", "--dataset", f"folder:{signs}", "--n-way", "3", *FEW, *split.split()]
    assert main(command) == 0
    sampler, validate = fitted
    assert len(sampler.images) == n_training
    assert len(validate.images) == n_validation if n_validation else validate is None


@pytest.fixture
def fitted(monkeypatch):
    """The samplers that a training would get, which is not begun."""
    got = []

    def fit(learner, sampler, n_steps, *, validate, **options):
        got.extend([sampler, validate])
        return History()

    monkeypatch.setattr("metalearn_course.training.fit", fit)
    return got


def test_without_validation_its_classes_are_trained_on_too(signs, fitted):
    command = ["train", "protonet", "--dataset", f"folder:{signs}", "--n-way", "3", *FEW]
    assert main([*command, "--no-validation"]) == 0
    images = datasets.load(f"folder:{signs}")
    assert len(fitted[0].images) == sum(len(part) for part in images.split()[:2])


def test_queries_fit_the_smallest_class_in_training_and_evaluation(tmp_path, capsys):
    counts = [3, 4, 9, 9, 5, 8, 9, 9]
    images = from_tensors("uneven", easy_classes(8, 7, size=28).images, counts, [f"c{c}" for c in range(8)])
    folder = write_pictures(tmp_path / "uneven", images)
    command = ["train", "protonet", "--dataset", f"folder:{folder}", "--n-way", "2", "--split", "4", "2", "2", *FEW]
    assert main([*command, "--out", "here"]) == 0
    assert load_learner(tmp_path / "here" / "last.safetensors")[1]["setup"]["episode"] == [2, 1, 2]
    assert main(["evaluate", "here", *SCORE]) == 0


def test_small_classes_can_be_left_out_and_are_in_evaluation_too(tmp_path, refused, capsys):
    counts = [2, 2, 10, 10, 10, 10, 10, 2]
    images = from_tensors("uneven", easy_classes(8, 7, size=28).images, counts, [f"c{c}" for c in range(8)])
    folder = write_pictures(tmp_path / "uneven", images)
    command = ["train", "protonet", "--dataset", f"folder:{folder}", "--n-way", "2", "--k-shot", "5", *FEW]
    assert "or leave small classes out with --at-least 6" in refused(*command, "--split", 4, 2, 2)
    command += ["--at-least", "6", "--split", "3", "0", "2", "--out", "here"]
    assert main(command) == 0
    assert main(["evaluate", "here", "--record", "mine", *SCORE]) == 0
    entry = json.loads((tmp_path / "results" / "mine.json").read_text(encoding="utf-8"))
    assert entry["split"]["at_least"] == 6 and entry["split"]["sizes"] == [3, 0, 2]


def test_what_was_read_inverted_in_training_is_inverted_in_evaluation(signs, tmp_path, monkeypatch):
    command = ["train", "protonet", "--dataset", f"folder:{signs}", "--n-way", "2", "--split", "3", "0", "3", *FEW]
    assert main([*command, "--invert", "--size", "20", "--channels", "3", "--out", "here"]) == 0
    asked, load = [], datasets.load
    monkeypatch.setattr("metalearn_course.datasets.load", lambda *a, **how: asked.append(how) or load(*a, **how))
    assert main(["evaluate", "here", *SCORE]) == 0
    assert [dict(how, report=None) for how in asked] == [dict(size=20, channels=3, invert=True, report=None)]


def test_too_few_classes_say_how_to_go_without_validation(signs, refused):
    command = ["train", "protonet", "--dataset", f"folder:{signs}", "--n-way", 3, *FEW, "--split", 4, 1, 1]
    assert "validation classes: n_way=3" in refused(*command)
    assert "--no-validation" in refused(*command)


def test_a_split_of_too_many_classes_is_answered_in_one_line(signs, refused):
    command = ["train", "protonet", "--dataset", f"folder:{signs}", "--n-way", 3, *FEW]
    assert "at most 6" in refused(*command, "--split", 6, 1, 1)
    assert "--split" in refused(*command, "--split", 6, 1)
    assert "invalid" in refused(*command, "--split", 6, "none", 0)
