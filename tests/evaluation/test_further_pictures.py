"""Further pictures of a class: what the makers make, and that all of them are judged on the same episodes."""

import json

import pytest
import torch
from helpers import easy_classes, write_pictures
from small_learners import some_episodes
from small_vilm import base, easy, small

from metalearn_course.cli.main import main
from metalearn_course.datasets import from_tensors
from metalearn_course.evaluation import further_pictures
from metalearn_course.evaluation.accuracy import Score
from metalearn_course.evaluation.further_pictures import (
    SPARE,
    WEIGHTS,
    FirstShots,
    affine,
    compare,
    repeated,
    table,
    with_options,
)
from metalearn_course.functional import warp
from metalearn_course.learners import load_learner
from metalearn_course.ledger import records


def classes(n=8, n_pictures=10):
    g = torch.Generator().manual_seed(3)
    pictures = torch.randint(0, 256, (n * n_pictures, 1, 16, 16), generator=g).byte()
    return from_tensors("noise", pictures, [n_pictures] * n, [f"c{i}" for i in range(n)])


def test_the_first_shots_are_nested_and_the_queries_stay():
    few, more, most = (FirstShots(classes(), 3, 2, 3, more=m).sample_tasks(0, 0, range(4)) for m in (0, 1, SPARE))
    assert few.support.x.shape[1] == 6 and more.support.x.shape[1] == 9 and most.support.y.shape[1] == 3 * (2 + SPARE)
    for one in (more, most):
        assert torch.equal(one.query.x, few.query.x) and torch.equal(one.classes, few.classes)
        first = one.support.x.unflatten(1, (3, -1))[:, :, :2]
        assert torch.equal(first.flatten(1, 2), few.support.x)


def test_repeated_pictures_are_the_supports_in_turn():
    support = easy(k_shot=2).task(0).support
    x, y = repeated(support, 5, n_way=3)
    rows = support.x.unflatten(0, (3, 2))
    assert y.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert torch.equal(x.unflatten(0, (3, 5))[1], rows[1][[0, 1, 0, 1, 0]])


def test_repeating_a_single_shot_changes_no_decision(float64):
    """Every class counts the same, before and after: the weighted mean of the loss is the same mean."""
    learner, task = small(), some_episodes(k_shot=1).task(0)
    alone, twice = (learner.adapt(task.support, **how)(task.query.x) for how in ({"m": 0}, dict(m=4, make=repeated)))
    torch.testing.assert_close(twice, alone)


def test_affine_pictures_are_moved_ones_and_without_noise_the_same():
    learner, support = small(), easy(k_shot=1).task(0).support
    noise = learner._noise(())
    still = {"z": torch.zeros(1024, 4)}
    torch.testing.assert_close(affine(support, 2, n_way=3, noise=still), repeated(support, 2, n_way=3))
    moved = affine(support, 2, n_way=3, noise=noise)
    assert moved.x.shape == (6, 1, 16, 16) and not torch.allclose(moved.x[0], moved.x[1])
    assert moved.x.min() >= 0 and moved.x.max() <= 1


def test_warp_is_torchs_affine_grid_and_runs_in_a_vmap(float64):
    g = torch.Generator().manual_seed(0)
    x, maps = torch.rand(4, 2, 6, 9, generator=g), torch.eye(2, 3) + 0.2 * torch.randn(4, 2, 3, generator=g)
    grid = torch.nn.functional.affine_grid(maps, list(x.shape), align_corners=False)
    wanted = torch.nn.functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
    torch.testing.assert_close(warp(x, maps), wanted)
    torch.testing.assert_close(torch.vmap(warp)(x.unsqueeze(1), maps.unsqueeze(1)).squeeze(1), wanted)


def test_every_trial_is_compared_with_the_support_alone_on_the_same_episodes():
    learner, tasks = small(), (classes(), 3, 1, 3)
    rows, episodes_hash = compare(learner, tasks, tasks, n_episodes=4, n_choice=2)
    assert [(row["what"], row["m"]) for row in rows] == [
        ("real", 0),
        *further_pictures.TRIALS,
        ("real", 1),
        ("real", 5),
    ]
    alone = rows[0]["accuracy"]
    for row in rows:
        assert row["gain"] == pytest.approx(row["accuracy"] - alone, abs=2e-5)
    by_name = {(row["what"], row["m"]): row for row in rows}
    assert by_name["repeated", 5]["gain"] == 0 == by_name["repeated", 5]["gain_ci95"]
    assert compare(learner, tasks, tasks, 4, 2) == (rows, episodes_hash)


def test_what_further_pictures_count_together_is_chosen_on_validation_and_shared_out(monkeypatch):
    """Five pictures or twenty, of one maker they count the same: the weight of each is a fifth or a twentieth."""
    best = {None: 0.3, affine: 1.0, repeated: 0.1}
    tasks, choice = (classes(), 3, 1, 3), (classes(9), 3, 1, 3)
    asked = []

    def score(learner, sampler, n, m=0, weight=None, make=None):
        on_choice = sampler.images is choice[0]
        if m:
            asked.append((on_choice, make, m, weight))
        right = on_choice and m and m * weight == pytest.approx(best[make])
        return Score(torch.full((4,), 0.9 if right else 0.5), "query", "same")

    monkeypatch.setattr(further_pictures, "evaluate", score)
    rows, _ = compare(small(), tasks, choice, n_episodes=4, n_choice=2)
    chosen = {"generated": 0.3, "affine": 1.0, "repeated": 0.1}
    assert {row["what"]: row["weight"] for row in rows if row["weight"]} == chosen
    for on_choice, make, m, weight in asked:
        assert m * weight in ([pytest.approx(w) for w in WEIGHTS] if on_choice else [pytest.approx(best[make])])
    assert sum(on_choice for on_choice, *_ in asked) == len(WEIGHTS) * len(best)


def test_other_options_leave_weights_and_memory_alone():
    learner = small(base(head="cosine"))
    learner.trained_on = {"dataset_hash": "x", "groups": []}
    other = with_options(learner, head="linear", tune_steps=2, temperature=0.5)
    assert other.config["head"] == "linear" and other.test_options["tune_steps"] == 2
    assert other.trained_on == learner.trained_on and torch.equal(other.running, learner.running)
    support = easy().task(0).support
    assert torch.equal(other.generate(support, 2).x, learner.generate(support, 2, temperature=0.5).x)


def test_the_command_records_what_it_prints(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("METALEARN_RESULTS", str(tmp_path / "results"))
    monkeypatch.chdir(tmp_path)
    data = f"folder:{write_pictures(tmp_path / 'mine', easy_classes(30, 9, size=28))}"
    tiny = ["--dataset", data, "--n-way", "3", "--k-shot", "1", "--n-query", "2", "--device", "cpu"]
    assert main(["train", "pretrained", *tiny, "--n-steps", "1", "--out", "base"]) == 0
    assert main(["train", "vilm", "--init", "base", "--hidden", "8", *tiny, "--n-steps", "1", "--out", "vilm"]) == 0
    shape = ["--n-way", "3", "--n-query", "2", "--n-episodes", "3", "--n-choice", "2", "--device", "cpu"]
    capsys.readouterr()
    assert main(["augment", "vilm", *shape, "--head", "linear", "--record", "mine"]) == 0
    found = json.loads((tmp_path / "results" / "generated" / "mine.json").read_text(encoding="utf-8"))
    assert found["options"] == {"head": "linear"} and len(found["rows"]) == 9
    assert capsys.readouterr().out.strip() == table(records.measured("generated")).strip()
    assert load_learner(tmp_path / "vilm" / "last.safetensors")[0].config["head"] == "cosine"
    assert main(["augment", "base", *shape]) == 1
    assert "only a VILM generates pictures" in capsys.readouterr().err
