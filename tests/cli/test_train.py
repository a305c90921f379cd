"""`metalearn train`: what it leaves behind, and what it answers when it cannot."""

import json
import re
import shutil
from types import SimpleNamespace

import pytest
import torch
from helpers import TINY_RUN, easy_classes, read_log, write_pictures

from metalearn_course import nets
from metalearn_course.cli.main import main, read
from metalearn_course.cli.signatures import made
from metalearn_course.cli.train import BY_NAME
from metalearn_course.learners import load_learner


def test_train_leaves_a_learner_that_python_can_load(trained):
    learner, info = load_learner(trained / "last.safetensors")
    assert info["step"] == 2 and learner.n_way == 3
    assert len(learner.trained_on["groups"]) == 20
    assert info["notes"]["command"].startswith("python -m metalearn_course train maml --dataset folder:")


def test_train_goes_on_where_it_stopped(trained, pictures, tmp_path, capsys):
    out = shutil.copytree(trained, tmp_path / "run")
    command = ["train", "maml", "--dataset", f"folder:{pictures}", "--out", str(out), *TINY_RUN]
    assert main([*command, "--n-steps", "3"]) == 0
    assert [record["step"] for record in read_log(out)] == [1, 2, 3]
    assert read_log(out)[:2] == read_log(trained)
    assert "step 3, validation" in capsys.readouterr().out


def test_a_run_that_was_never_validated_can_end_where_it_stopped(trained, pictures, tmp_path, capsys):
    out = shutil.copytree(trained, tmp_path / "run")
    records = [{k: v for k, v in record.items() if k != "validation"} for record in read_log(out)]
    (out / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    command = ["train", "maml", "--dataset", f"folder:{pictures}", "--out", str(out), *TINY_RUN]
    assert main([*command, "--n-steps", "2"]) == 0
    assert "step 2," in capsys.readouterr().out


def test_train_options_reach_the_learner(pictures, tmp_path, monkeypatch):
    score = SimpleNamespace(accuracy=0.5, ci95=0.1)
    monkeypatch.setattr("metalearn_course.training.loop.evaluate", lambda *args, **kwargs: score)
    options = "--inner-steps 2 --inner-lr 0.1 --test-steps 3 --first-order --lr-per-step --lr-per-parameter"
    options += " --head prototypes --norm support --downsample max --rotations --split-seed 3 --seed 4 --threads 1"
    threads = torch.get_num_threads()
    command = ["train", "maml", "--dataset", f"folder:{pictures}", "--n-steps", "1", "--out", "here", *TINY_RUN]
    assert main([*command, *options.split()]) == 0
    torch.set_num_threads(threads)
    learner, info = load_learner(tmp_path / "here" / "last.safetensors")
    wanted = dict(inner_steps=2, inner_lr=0.1, test_steps=3, first_order=True, lr_per_step=True, head="prototypes")
    assert wanted.items() <= learner.config.items()
    assert learner.config["norm"] == "support" and learner.net.config["downsample"] == "max"
    assert info["setup"]["dataset"][2] == 4 * 20 and info["setup"]["seed"] == 4
    assert info["notes"]["split_seed"] == 3


COMMANDS = {
    "anil": ("--inner-steps 2 --lr-per-parameter --first-order", dict(inner_steps=2, first_order=True)),
    "reptile": (
        "--inner-optimizer sgd --inner-lr 0.1 --inner-batch 4 --test-steps 3",
        dict(inner_batch=4, test_steps=3),
    ),
    "matching": ("--fce --steps 2 --scale 1 --fixed-scale", dict(fce=True, steps=2, scale=1.0, learn_scale=False)),
    "protonet": ("--distance cosine --scale 5 --norm support", dict(distance="cosine", scale=5.0, norm="support")),
    "pretrained": ("--head linear --head-steps 3 --weight-decay 0", dict(head="linear", head_steps=3, n_classes=20)),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_learner_is_trained_evaluated_and_recorded(name, pictures, tmp_path, capsys):
    options, wanted = COMMANDS[name]
    command = ["train", name, "--dataset", f"folder:{pictures}", "--n-steps", "2", "--out", "here", *TINY_RUN]
    assert main([*command, *options.split()]) == 0
    learner, info = load_learner(tmp_path / "here" / "last.safetensors")
    assert wanted.items() <= learner.config.items()
    assert info["setup"]["optimizer"]["name"] == ("SGD" if name == "reptile" else "Adam")
    capsys.readouterr()
    score = ["evaluate", "here", "--n-episodes", "3", "--n-query", "2", "--device", "cpu"]
    assert main([*score, "--record", f"mine-{name}-3w1s"]) == 0
    assert capsys.readouterr().out.count("inductive") == len(learner.norms) - 1
    entry = json.loads((tmp_path / "results" / f"mine-{name}-3w1s.json").read_text(encoding="utf-8"))
    assert entry["learner"] == type(learner).__name__.lower() and set(entry["norms"]) == set(learner.norms)
    assert main(["evaluate", f"mine-{name}-3w1s", *score[2:]]) == 0


def test_the_defaults_of_a_learner_are_its_own():
    reptile, maml = read(["train", "reptile"]), read(["train", "maml"])
    assert (reptile.optimizer, reptile.lr, reptile.decay, reptile.k_shot, reptile.test_shot) == ("sgd", 1.0, 1.0, 10, 1)
    assert (maml.optimizer, maml.lr, maml.decay, maml.k_shot, maml.test_shot) == ("adam", 1e-3, 0.3, 1, None)
    for name, kind in BY_NAME.items():
        args = read(["train", name])
        learner = made(kind, args, net=nets.Conv4(hidden=4), n_classes=7)
        assert type(learner) is kind and learner.n_way == args.n_way


def test_a_run_that_starts_from_another_remembers_its_classes(trained, pictures, tmp_path, refused):
    command = ["train", "maml", "--dataset", f"folder:{pictures}", "--n-steps", "1", "--init", str(trained), *TINY_RUN]
    assert "seen in training" in refused(*command, "--split-seed", "1")  # they are validation classes now
    assert main([*command, "--out", "next"]) == 0
    assert load_learner(tmp_path / "next" / "last.safetensors")[1]["notes"]["init"] == str(trained)


def test_a_run_does_not_start_from_a_net_of_another_kind(trained, pictures, refused):
    command = ["train", "maml", "--dataset", f"folder:{pictures}", "--init", trained, *TINY_RUN]
    assert "'downsample': 'stride'" in refused(*command, "--downsample", "max")


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ("--n-way 1", "n_way=1"),
        ("--n-way 21", "training classes: n_way=21, but mine has only 20 groups"),
        ("--n-way 4", "validation classes: n_way=4, but mine has only 3 groups"),
        ("--k-shot 0", "k_shot=0"),
        ("--n-query 0", "n_query=0"),
        ("--k-shot 7", "training classes: class .* has 8 pictures"),
        ("--k-shot 8 --n-query 1", "has 8 pictures, .* or leave small classes out with --at-least 9"),
        ("--k-shot x", "--k-shot: invalid int value: 'x'"),
        ("--n-steps 0", "n_steps=0"),
        ("--n-tasks 0", "n_tasks=0"),
        ("--validate-every 0", "validate_every=0"),
        ("--decay 2", "decay=2"),
        ("--lr -1", "learning rate"),
        ("--inner-steps -1", "inner_steps=-1"),
        ("--seed -1", "--seed: -1 is less than 0"),
        (f"--split-seed {10**30}", "is too large"),
        ("--threads 0", "--threads: 0 is less than 1"),
        ("--threads many", "--threads: invalid whole number value: 'many'"),
        ("--device nonsense", "this machine has no device 'nonsense'"),
        ("--device cuda:99", "this machine has no device 'cuda:99'"),
        ("--device meta", "this machine has no device 'meta'"),
        ("--precision half", "invalid choice: 'half'"),
        ("--head round", "invalid choice: 'round'"),
        ("--official", "mine has no official split"),
        ("--init nothing", "'nothing' is neither the folder of a run nor an entry"),
        ("--nonsense", "unrecognized arguments: --nonsense"),
    ],
)
def test_wrong_values_in_training_are_answered_in_one_line(pictures, refused, tmp_path, options, answer):
    command = ["train", "maml", "--dataset", f"folder:{pictures}", "--n-steps", "1", *TINY_RUN, *options.split()]
    assert re.search(answer, refused(*command))
    assert not list(tmp_path.iterdir())  # nothing was begun


def test_too_few_classes_for_a_validation_are_answered_in_one_line(refused, tmp_path):
    """Four classes split into three, none and one."""
    few = write_pictures(tmp_path / "few", easy_classes(4, 8, size=28))
    assert "validation classes: n_way=2" in refused("train", "maml", "--dataset", f"folder:{few}", "--n-way", 2)


def test_a_damaged_run_is_answered_in_one_line(trained, pictures, refused, tmp_path):
    out = shutil.copytree(trained, tmp_path / "run")
    for name in ("best", "last"):
        (out / f"{name}.safetensors").write_bytes(b"damaged")
    assert "best.safetensors is damaged" in refused("evaluate", out)
    answer = refused("train", "maml", "--dataset", f"folder:{pictures}", "--out", out, "--n-steps", 3, *TINY_RUN)
    assert "last.safetensors is damaged" in answer and "start the run again" in answer


def test_other_settings_than_the_folders_run_are_answered_in_one_line(trained, pictures, refused):
    command = ["train", "maml", "--dataset", f"folder:{pictures}", "--out", trained, "--n-steps", 3, *TINY_RUN]
    assert "lr 0.001 there, 0.5 now" in refused(*command, "--lr", 0.5)
    assert "training classes" in refused(*command, "--split-seed", 1)


def test_a_loss_that_is_not_a_number_is_answered_in_one_line(pictures, refused):
    command = ["train", "maml", "--dataset", f"folder:{pictures}", "--n-steps", 9, *TINY_RUN]
    assert "lower lr or inner_lr" in refused(*command, "--lr", 1e30, "--inner-lr", 1e30)


def test_ctrl_c_says_how_to_go_on(pictures, monkeypatch, capsys):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("metalearn_course.training.fit", interrupted)
    assert main(["train", "maml", "--dataset", f"folder:{pictures}", *TINY_RUN]) == 130
    assert "the same command goes on" in capsys.readouterr().err
