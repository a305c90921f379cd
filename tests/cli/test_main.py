"""The command line: what it does, and what it answers when it cannot."""

import json
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from helpers import easy_classes, read_log, write_pictures

from metalearn_course import nets
from metalearn_course.cli import learner_options, options
from metalearn_course.cli.main import main
from metalearn_course.learners import load_learner, load_pretrained
from metalearn_course.ledger import records

TINY = ["--n-way", "3", "--k-shot", "1", "--n-query", "2", "--n-tasks", "2", "--device", "cpu"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of 30 classes with 8 pictures each: 20 classes for training, 3 for validation, 7 for testing."""
    return write_pictures(tmp_path_factory.mktemp("data") / "mine", easy_classes(30, 8, size=28))


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory):
    """The folder of a run of two steps; read only."""
    out = tmp_path_factory.mktemp("runs") / "first"
    assert main(["train", "maml", "--dataset", f"folder:{pictures}", "--n-steps", "2", "--out", str(out), *TINY]) == 0
    return out


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No command touches the course's own ledger or the folder that the tests were started in."""
    monkeypatch.setenv("METALEARN_RESULTS", str(tmp_path / "results"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def refused(capsys):
    """Runs a command that cannot work and returns its one line of answer."""

    def run(*command):
        capsys.readouterr()
        try:
            code = main([str(word) for word in command])
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        assert code not in (0, None) and out == ""
        assert err.startswith("error: ") and err.count("\n") == 1 and "Traceback" not in err
        return err

    return run


# What it does ---------------------------------------------------------------------------------


def test_train_leaves_a_learner_that_python_can_load(trained):
    learner, info = load_learner(trained / "last.safetensors")
    assert info["step"] == 2 and learner.n_way == 3
    assert len(learner.trained_on["groups"]) == 20
    assert info["notes"]["command"].startswith("python -m metalearn_course train maml --dataset folder:")


def test_train_goes_on_where_it_stopped(trained, pictures, tmp_path, capsys):
    out = shutil.copytree(trained, tmp_path / "run")
    command = ["train", "maml", "--dataset", f"folder:{pictures}", "--out", str(out), *TINY]
    assert main([*command, "--n-steps", "3"]) == 0
    assert [record["step"] for record in read_log(out)] == [1, 2, 3]
    assert read_log(out)[:2] == read_log(trained)
    assert "step 3, validation" in capsys.readouterr().out


def test_a_run_that_was_never_validated_can_end_where_it_stopped(trained, pictures, tmp_path, capsys):
    out = shutil.copytree(trained, tmp_path / "run")
    records = [{k: v for k, v in record.items() if k != "validation"} for record in read_log(out)]
    (out / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    command = ["train", "maml", "--dataset", f"folder:{pictures}", "--out", str(out), *TINY]
    assert main([*command, "--n-steps", "2"]) == 0
    assert "step 2," in capsys.readouterr().out


def test_train_options_reach_the_learner(pictures, tmp_path, monkeypatch):
    score = SimpleNamespace(accuracy=0.5, ci95=0.1)
    monkeypatch.setattr("metalearn_course.training.loop.evaluate", lambda *args, **kwargs: score)
    options = "--inner-steps 2 --inner-lr 0.1 --test-steps 3 --first-order --lr-per-step --lr-per-parameter"
    options += " --head prototypes --norm support --downsample max --rotations --split-seed 3 --seed 4 --threads 1"
    threads = torch.get_num_threads()
    command = ["train", "maml", "--dataset", f"folder:{pictures}", "--n-steps", "1", "--out", "here", *TINY]
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
    command = ["train", name, "--dataset", f"folder:{pictures}", "--n-steps", "2", "--out", "here", *TINY]
    assert main([*command, *options.split()]) == 0
    learner, info = load_learner(tmp_path / "here" / "last.safetensors")
    assert wanted.items() <= learner.config.items()
    assert info["setup"]["optimizer"] == ("SGD" if name == "reptile" else "Adam")
    capsys.readouterr()
    score = ["evaluate", "here", "--n-episodes", "3", "--n-query", "2", "--device", "cpu"]
    assert main([*score, "--record", f"mine-{name}-3w1s"]) == 0
    assert capsys.readouterr().out.count("inductive") == len(learner.norms) - 1
    entry = json.loads((tmp_path / "results" / f"mine-{name}-3w1s.json").read_text(encoding="utf-8"))
    assert entry["learner"] == type(learner).__name__.lower() and set(entry["norms"]) == set(learner.norms)
    assert main(["evaluate", f"mine-{name}-3w1s", *score[2:]]) == 0


@pytest.fixture(scope="module")
def protonet(pictures, tmp_path_factory):
    """The folder of a ProtoNet trained with six classes, two pictures each, for tasks of three and one."""
    out = tmp_path_factory.mktemp("runs") / "protonet"
    command = ["train", "protonet", "--dataset", f"folder:{pictures}", "--n-steps", "2", "--out", str(out), *TINY]
    assert main([*command, "--n-way", "6", "--k-shot", "2", "--test-way", "3", "--test-shot", "1"]) == 0
    return out


def test_a_learner_may_be_trained_with_more_classes_than_it_is_evaluated_with(protonet, capsys):
    assert read_log(protonet)[-1]["validation"]
    score = ["evaluate", str(protonet), "--n-episodes", "3", "--n-query", "2", "--device", "cpu"]
    assert main(score) == 0 and "3-way 1-shot" in capsys.readouterr().out
    assert main([*score, "--n-way", "5", "--k-shot", "4"]) == 0 and "5-way 4-shot" in capsys.readouterr().out


def test_the_defaults_of_a_learner_are_its_own():
    read = options.parser().parse_args
    reptile, maml = read(["train", "reptile"]), read(["train", "maml"])
    assert (reptile.optimizer, reptile.lr, reptile.decay, reptile.k_shot, reptile.test_shot) == ("sgd", 1.0, 1.0, 10, 1)
    assert (maml.optimizer, maml.lr, maml.decay, maml.k_shot, maml.test_shot) == ("adam", 1e-3, 0.3, 1, None)
    for name, defaults in learner_options.DEFAULTS.items():
        args, net = read(["train", name]), nets.Conv4(hidden=4)
        learner = learner_options.build(args, net, n_classes=7)
        assert type(learner) is defaults["learner"] and learner.n_way == args.n_way


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


def test_calibrate_prints_and_records_how_far_probabilities_can_be_trusted(trained, tmp_path, capsys):
    tiny = ["--n-episodes", "4", "--n-query", "2", "--device", "cpu", "--n-validation", "3"]
    assert main(["calibrate", str(trained), *tiny, "--record", "mine-maml-3w1s"]) == 0
    figures = r"accuracy 0\.\d+, ece 0\.\d+, mce 0\.\d+, brier [01]\.\d+, auroc [01]\.\d+\n"
    assert re.match(rf"{figures}temperature \d+\.\d+, {figures}", capsys.readouterr().out)
    entry = json.loads((tmp_path / "results/calibration/mine-maml-3w1s.json").read_text(encoding="utf-8"))
    assert entry["norm"] == "support" and entry["n_episodes"] == 4 and entry["steps"] == 2
    assert entry["accuracy"] == entry["tempered"]["accuracy"]
    assert main(["results"]) == 0
    assert f"{entry['ece']:.4f} {entry['mce']:7.4f}" in capsys.readouterr().out
    assert records.entries() == {}


def test_calibrate_draws_only_from_a_posterior(trained, capsys):
    assert main(["calibrate", str(trained), "--samples", "0", "--n-query", "2", "--device", "cpu"]) == 1
    assert "MAML has no posterior to draw from" in capsys.readouterr().err


def test_the_ledger_names_the_device_of_the_training_and_not_of_the_evaluation(trained, tmp_path, monkeypatch):
    """Trained on a GPU, evaluated on a CPU."""
    from metalearn_course.cli import main as command_line

    def from_gpu(path):
        learner, info = load_learner(path)
        return learner, info | {"device": "NVIDIA H100"}

    monkeypatch.setattr(command_line, "load_learner", from_gpu)
    command = ["evaluate", str(trained), "--n-episodes", "2", "--n-query", "2", "--device", "cpu"]
    assert main([*command, "--record", "mine"]) == 0
    assert (
        json.loads((tmp_path / "results" / "mine.json").read_text(encoding="utf-8"))["train"]["device"] == "NVIDIA H100"
    )


def test_a_run_that_starts_from_another_remembers_its_classes(trained, pictures, tmp_path, refused):
    command = ["train", "maml", "--dataset", f"folder:{pictures}", "--n-steps", "1", "--init", str(trained), *TINY]
    assert "seen in training" in refused(*command, "--split-seed", "1")  # they are validation classes now
    assert main([*command, "--out", "next"]) == 0
    assert load_learner(tmp_path / "next" / "last.safetensors")[1]["notes"]["init"] == str(trained)


def test_a_run_does_not_start_from_a_net_of_another_kind(trained, pictures, refused):
    command = ["train", "maml", "--dataset", f"folder:{pictures}", "--init", trained, *TINY]
    assert "'downsample': 'stride'" in refused(*command, "--downsample", "max")


def test_data_describes_a_dataset(pictures, capsys):
    assert main(["data", "--dataset", f"folder:{pictures}"]) == 0
    out = capsys.readouterr().out
    assert "mine: 30 classes" in out and "8 to 8 pictures a class" in out
    assert [int(line.split()[1]) for line in out.splitlines()[1:4]] == [20, 3, 7]


@pytest.mark.parametrize(
    "command",
    [[], ["train"], *(["train", name] for name in learner_options.DEFAULTS), ["evaluate"], ["data"], ["results"]],
)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    out = capsys.readouterr().out
    assert stop.value.code == 0 and out.startswith("usage: python -m metalearn_course")
    assert "default: None" not in out


# What it answers when it cannot ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ("--n-way 1", "n_way=1"),
        ("--n-way 21", "training classes: n_way=21, but mine has only 20 groups"),
        ("--n-way 4", "validation classes: n_way=4, but mine has only 3 groups"),
        ("--k-shot 0", "k_shot=0"),
        ("--n-query 0", "n_query=0"),
        ("--k-shot 7", "training classes: class .* has 8 pictures"),
        ("--k-shot 8 --n-query 1", "has 8 pictures"),
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
    command = ["train", "maml", "--dataset", f"folder:{pictures}", "--n-steps", "1", *TINY, *options.split()]
    assert re.search(answer, refused(*command))
    assert not list(tmp_path.iterdir())  # nothing was begun


@pytest.mark.parametrize(
    ("dataset", "answer"),
    [
        (["--dataset", "imagenet"], "unknown dataset 'imagenet'"),
        (["--dataset", "folder:nowhere"], "nowhere is not a folder"),
        (["--dataset", "omniglot", "--root", "nowhere"], "nowhere is not a folder"),
    ],
)
@pytest.mark.parametrize("command", [["data"], ["train", "maml"]])
def test_a_dataset_that_is_not_there_is_answered_in_one_line(refused, command, dataset, answer):
    assert answer in refused(*command, *dataset)


def test_too_few_classes_for_a_validation_are_answered_in_one_line(refused, tmp_path):
    """Four classes split into three, none and one."""
    few = write_pictures(tmp_path / "few", easy_classes(4, 8, size=28))
    assert "validation classes: n_way=2" in refused("train", "maml", "--dataset", f"folder:{few}", "--n-way", 2)


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ("--k-shot 0", "k_shot=0"),
        ("--n-episodes 1", "n_episodes=1"),
        ("--n-query 99", "test classes: class .* has 8 pictures"),
        ("--steps -1", "-1 is less than 0"),
        ("--n-way 4", "has 4 classes, but this MAML has a linear head for 3"),
        ("--part train", "invalid choice: 'train'"),
        ("--threads 0", "0 is less than 1"),
        ("--device nonsense", "no device 'nonsense'"),
    ],
)
def test_wrong_values_in_evaluation_are_answered_in_one_line(trained, refused, options, answer):
    assert re.search(answer, refused("evaluate", trained, "--n-query", 2, *options.split()))


def test_steps_for_a_learner_without_any_are_refused(protonet, refused):
    assert "ProtoNet takes no steps" in refused("evaluate", protonet, "--n-query", 2, "--steps", 3)


def test_a_run_that_does_not_exist_is_answered_in_one_line(refused):
    assert "'nothing' is neither the folder of a run nor an entry" in refused("evaluate", "nothing")


def test_pictures_that_the_net_cannot_take_are_answered_in_one_line(trained, refused, tmp_path):
    colour = write_pictures(tmp_path / "colour", easy_classes(20, 8, size=28), mode="RGB")
    answer = refused("evaluate", trained, "--dataset", f"folder:{colour}", "--n-query", 2)
    assert "(3, 84, 84)" in answer and "trained on (1, 28, 28)" in answer


def test_a_folder_that_has_changed_since_the_training_is_refused(trained, pictures, refused, tmp_path):
    """One class more makes another split: classes to test on are then among those trained on."""
    changed = shutil.copytree(pictures, tmp_path / "mine")
    shutil.copytree(changed / "class00", changed / "class99")
    answer = refused("evaluate", trained, "--dataset", f"folder:{changed}", "--n-query", 2)
    assert "mine has changed since the learner was trained on it" in answer


def test_a_damaged_run_is_answered_in_one_line(trained, pictures, refused, tmp_path):
    out = shutil.copytree(trained, tmp_path / "run")
    for name in ("best", "last"):
        (out / f"{name}.safetensors").write_bytes(b"damaged")
    assert "best.safetensors is damaged" in refused("evaluate", out)
    answer = refused("train", "maml", "--dataset", f"folder:{pictures}", "--out", out, "--n-steps", 3, *TINY)
    assert "last.safetensors is damaged" in answer and "start the run again" in answer


def test_other_settings_than_the_folders_run_are_answered_in_one_line(trained, pictures, refused):
    command = ["train", "maml", "--dataset", f"folder:{pictures}", "--out", trained, "--n-steps", 3, *TINY]
    assert "lr 0.001 there, 0.5 now" in refused(*command, "--lr", 0.5)
    assert "training classes" in refused(*command, "--split-seed", 1)


def test_a_loss_that_is_not_a_number_is_answered_in_one_line(pictures, refused):
    command = ["train", "maml", "--dataset", f"folder:{pictures}", "--n-steps", 9, *TINY]
    assert "lower lr or inner_lr" in refused(*command, "--lr", 1e30, "--inner-lr", 1e30)


def test_ctrl_c_says_how_to_go_on(pictures, monkeypatch, capsys):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("metalearn_course.training.fit", interrupted)
    assert main(["train", "maml", "--dataset", f"folder:{pictures}", *TINY]) == 130
    assert "the same command goes on" in capsys.readouterr().err


def test_a_process_ends_with_the_code_and_one_line():
    command = [sys.executable, "-m", "metalearn_course", "evaluate", "nothing"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, encoding="utf-8")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: 'nothing' is neither") and done.stderr.count("\n") == 1
