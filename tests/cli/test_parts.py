"""Which classes a command measures on: those of the part that it was asked for, and choices on validation classes."""

import json

import pytest
import torch
from helpers import write_pictures

from metalearn_course import datasets
from metalearn_course.cli.main import main
from metalearn_course.datasets import from_tensors
from metalearn_course.evaluation import calibration
from metalearn_course.evaluation.accuracy import evaluate
from metalearn_course.ledger import load_learner, records
from metalearn_course.sampling import EpisodeSampler

SHAPE = ["--n-way", "2", "--k-shot", "1", "--n-query", "3", "--device", "cpu"]


def hard_classes(n_classes: int = 40, n_pictures: int = 8):
    """Patterns that are nearly lost in noise, so that answers are wrong often enough to be calibrated."""
    g = torch.Generator().manual_seed(0)
    patterns = torch.rand(n_classes, 1, 1, 28, 28, generator=g)
    pictures = 0.35 * patterns + 0.65 * torch.rand(n_classes, n_pictures, 1, 28, 28, generator=g)
    names = [f"class{c:02}" for c in range(n_classes)]
    return from_tensors("hard", (255 * pictures).byte().flatten(0, 1), [n_pictures] * n_classes, names)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A trained ProtoNet's checkpoint, and the samplers of its validation and test classes."""
    root = tmp_path_factory.mktemp("parts")
    pictures = write_pictures(root / "mine", hard_classes())
    train = ["train", "protonet", "--dataset", f"folder:{pictures}", "--n-steps", "2", "--out", str(root / "run")]
    assert main([*train, *SHAPE]) == 0
    images = datasets.load(f"folder:{pictures}")
    samplers = dict(zip(("validation", "test"), (EpisodeSampler(part, 2, 1, 3) for part in images.split(seed=0)[1:])))
    return root / "run", samplers


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("METALEARN_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


@pytest.mark.parametrize("part", ["validation", "test"])
def test_evaluate_scores_the_part_it_was_asked_for(parts, part):
    run, samplers = parts
    command = ["evaluate", str(run), "--part", part, "--n-episodes", "6", "--record", "mine", *SHAPE]
    assert main(command) == 0
    entry = records.entries()["mine"]
    wanted = evaluate(load_learner(run / "best.safetensors")[0], samplers[part], 6, "query")
    assert entry["episodes_hash"] == wanted.episodes_hash and entry["split"]["part"] == part
    assert entry["transductive"]["accuracy"] == pytest.approx(wanted.accuracy, abs=1e-5)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_calibrate_measures_the_part_it_was_asked_for_and_chooses_the_temperature_on_validation(parts, part, elsewhere):
    """Wherever it measures: a temperature fitted to the classes that are measured would flatter it."""
    run, samplers = parts
    command = ["calibrate", str(run), "--part", part, "--n-episodes", "6", "--n-validation", "5", "--record", "mine"]
    assert main([*command, *SHAPE]) == 0
    found = json.loads((elsewhere / "calibration" / "mine.json").read_text(encoding="utf-8"))
    learner = load_learner(run / "best.safetensors")[0]
    norm = calibration.inductive_norm(learner)
    wanted = records.calibration_figures(calibration.answers(learner, samplers[part], 6, norm))
    assert {key: found[key] for key in wanted} == pytest.approx(wanted, abs=1e-4)
    temperatures = {
        name: calibration.fit_temperature(*calibration.predictions(learner, sampler, 5, norm))
        for name, sampler in samplers.items()
    }
    assert found["tempered"]["temperature"] == pytest.approx(temperatures["validation"], rel=1e-3)
    assert temperatures["test"] != pytest.approx(temperatures["validation"], rel=1e-2)
