"""The ledger: what an evaluation writes, anyone can read, load and evaluate again."""

import json
import os
import shutil
from datetime import date
from pathlib import Path

import pytest
import torch
from helpers import assert_same_tensors, samplers, small_run
from small_learners import made

from metalearn_course import nets
from metalearn_course.common import storage
from metalearn_course.evaluation.accuracy import evaluate
from metalearn_course.learners import (
    ABML,
    ANIL,
    MAML,
    MatchingNet,
    Pretrained,
    ProtoNet,
    Reptile,
    load_learner,
    load_pretrained,
)
from metalearn_course.ledger import records
from metalearn_course.ledger.pretrained import folder

REAL = Path(__file__).parents[2] / "results"
KEYS = ["dataset", "dataset_hash", "split", "learner", "n_way", "k_shot", "n_query", "n_episodes", "episodes_hash"]
KEYS += ["train_norm", "transductive", "inductive", "train", "date", "checkpoint"]
NOTES = {"command": "python -m metalearn_course train maml"}
INSIDE = {
    "transductive": ["accuracy", "ci95"],
    "inductive": ["accuracy", "ci95", "norm"],
    "train": ["steps", "seconds", "device", "ranks", "command", "seed"],
    "published": ["accuracy", "source"],  # where there is something published to compare with
}


def problems(path: Path) -> list[str]:
    """What is wrong with an entry of the ledger."""
    entry = json.loads(path.read_text(encoding="utf-8"))
    found = [f"{key} is missing" for key in KEYS if entry.get(key) in (None, "")]
    for part, keys in INSIDE.items():
        there = entry.get(part) or {}
        found += [f"{part}.{key} is missing" for key in keys if part in entry and there.get(key) in (None, "")]
    if found:
        return found
    scores = [entry[part] for part in INSIDE if part in entry and part != "train"]
    found += [f"{score} is not in 0..1" for score in scores if not 0 <= score["accuracy"] <= 1]
    found += [f"{score} is no interval" for score in scores if not 0 <= score.get("ci95", 0) < 0.5]
    run = f"{entry['dataset']}-{entry['learner']}-{entry['n_way']}w{entry['k_shot']}s"
    found += [] if path.stem == run or path.stem.startswith(f"{run}-") else [f"the name does not begin with {run}"]
    found += [] if entry["n_episodes"] >= 2 and date.fromisoformat(entry["date"]) else ["too few episodes"]
    return found + checkpoint_problems(path.with_name(entry["checkpoint"]), entry)


def checkpoint_problems(path: Path, entry: dict) -> list[str]:
    """What is wrong with the checkpoint of an entry."""
    if not path.exists():
        return [f"{path.name} does not exist"]
    (tensors, info), (learner, _) = storage.read(path), load_learner(path)
    found = [f"{name} is not a weight" for name in tensors if not name.startswith(("learner.", "trained_on."))]
    found += [] if info["step"] == entry["train"]["steps"] else ["the checkpoint is of another step"]
    found += [] if type(learner).__name__.lower() == entry["learner"] else ["the checkpoint is of another learner"]
    found += [] if learner.trained_on["groups"] else ["the training classes are not named"]
    return found + ([] if len(learner.trained_on.get("picture_ids", ())) else ["their pictures are not known"])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    small_run(out, 3, notes=NOTES)
    return out / "last.safetensors"


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    monkeypatch.setenv("METALEARN_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


def record(run, name="easy-maml-3w1s"):
    learner, info = load_learner(run)
    sampler = samplers()[2]
    scores = {norm: evaluate(learner, sampler, 4, norm) for norm in learner.norms}
    entry = records.record(name, run, info, scores, sampler, split={"split_seed": 0, "part": "test"})
    return learner, list(scores.values()), entry


def test_an_entry_has_what_the_design_names(run, ledger):
    _, (transductive, inductive), entry = record(run)
    assert problems(ledger / "easy-maml-3w1s.json") == []
    assert (
        json.loads((ledger / "easy-maml-3w1s.json").read_text(encoding="utf-8"))
        == entry
        == records.entries()["easy-maml-3w1s"]
    )
    assert (entry["n_way"], entry["k_shot"], entry["n_query"], entry["n_episodes"]) == (3, 1, 2, 4)
    assert entry["transductive"]["accuracy"] == pytest.approx(transductive.accuracy, abs=1e-5)
    assert entry["inductive"]["ci95"] == pytest.approx(inductive.ci95, abs=1e-5)
    assert entry["inductive"]["norm"] == "support" and entry["train_norm"] == "query"
    assert entry["episodes_hash"] == transductive.episodes_hash
    train = entry["train"]
    assert (train["steps"], train["device"], train["ranks"], train["seed"]) == (3, "cpu", 1, 0)
    assert train["command"] == "python -m metalearn_course train maml"


def test_an_entry_keeps_the_curve_of_its_run(ledger, tmp_path):
    _, history = small_run(tmp_path, 2, validate=samplers()[1], validate_every=1, n_validation=4, notes=NOTES)
    entry = record(tmp_path / "best.safetensors")[2]
    assert [step for step, *_ in entry["validation"]] == [1, 2]
    assert entry["validation"] == [pytest.approx(point, abs=1e-5) for point in history.validation]
    (tmp_path / "log.jsonl").unlink()
    assert record(tmp_path / "best.safetensors")[2]["validation"] == []


@pytest.mark.parametrize(("norm", "inductive"), [("running", "running"), ("support", "support"), ("query", "running")])
def test_the_inductive_figure_is_that_of_the_mode_in_training(ledger, tmp_path, norm, inductive):
    learner = ProtoNet(nets.Conv4(hidden=4, image_size=16), 3, norm=norm)
    small_run(tmp_path, 1, learner, notes=NOTES)
    entry = record(tmp_path / "last.safetensors", "easy-protonet-3w1s")[2]
    assert problems(ledger / "easy-protonet-3w1s.json") == []
    assert (entry["train_norm"], entry["inductive"]["norm"]) == (norm, inductive)
    assert list(entry["norms"]) == ["query", "support", "running"]
    assert entry["inductive"] == entry["norms"][inductive] | {"norm": inductive}
    assert entry["transductive"] == entry["norms"]["query"]


def test_the_ledger_does_without_the_head_of_the_training_classes(ledger, tmp_path):
    small_run(tmp_path, 1, made("pretrained"), notes=NOTES)
    record(tmp_path / "last.safetensors", "easy-pretrained-3w1s")
    assert problems(ledger / "easy-pretrained-3w1s.json") == []
    whole, kept = (
        path.stat().st_size for path in (tmp_path / "best.safetensors", ledger / "easy-pretrained-3w1s.safetensors")
    )
    assert kept < whole
    assert evaluate(load_pretrained("easy-pretrained-3w1s"), samplers()[2], 4).norm == "running"


def test_a_published_figure_belongs_to_the_papers_own_method():
    def source(learner, n_way=5, dataset="omniglot"):
        found = records.published(dataset, learner, n_way, 1)
        return found["published"]["source"].split()[0] if found else None

    net = nets.Conv4(hidden=4, image_size=16)
    assert source(MAML(net, 5)) == "Finn"
    assert source(MAML(net, 5, first_order=True)) == source(Reptile(net, 5)) == "Nichol"
    assert source(MatchingNet(net, 5)) == source(MatchingNet(net, 5, fce=True)) == "Vinyals"
    assert source(ProtoNet(net, 30)) == "Snell"
    variants = [
        ABML(net, 5),
        ANIL(net, 5),
        MAML(net, 5, head="prototypes"),
        ProtoNet(net, 5, distance="cosine"),
        Pretrained(net, 5, 9),
    ]
    assert [source(variant) for variant in variants] == [None] * 5
    assert source(ProtoNet(net, 5), n_way=7) is source(ProtoNet(net, 5), dataset="kanji") is None


def test_the_checkpoint_beside_it_has_the_weights_and_what_guards_them_alone(run, ledger):
    learner, _, entry = record(run)
    tensors, info = storage.read(ledger / entry["checkpoint"])
    wanted = {f"learner.{name}": tensor for name, tensor in learner.state_dict().items()}
    assert_same_tensors(tensors, wanted | {"trained_on.picture_ids": samplers()[0].images.seen_ids()})
    assert any(name.startswith("optimizer.") for name in storage.read(run)[0])  # which were there before
    assert info == storage.read(run)[1]


def test_a_pretrained_learner_gives_the_logits_of_the_one_that_was_recorded(run, ledger):
    learner, scores, _ = record(run)
    again = load_pretrained("easy-maml-3w1s")
    task = samplers()[2].sample_tasks(1, 0, [0]).task(0)
    for norm in ("query", "support"):
        found, wanted = (maml.adapt(task.support, norm=norm)(task.query.x) for maml in (again, learner))
        assert torch.equal(found, wanted)
    assert torch.equal(evaluate(again, samplers()[2], 4).per_episode, scores[0].per_episode)


def test_entries_of_one_training_share_a_checkpoint(run, ledger):
    for name in ("easy-maml-3w1s", "easy-maml-3w1s-again"):
        learner = record(run, name)[0]
        assert_same_tensors(load_pretrained(name).state_dict(), learner.state_dict())
    assert [path.name for path in ledger.glob("*.safetensors")] == ["easy-maml-3w1s.safetensors"]
    assert problems(ledger / "easy-maml-3w1s-again.json") == []


def test_a_pretrained_learner_still_refuses_the_classes_it_was_trained_on(run, ledger):
    record(run)
    with pytest.raises(ValueError, match="seen in training"):
        evaluate(load_pretrained("easy-maml-3w1s"), samplers()[0], 2)


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\b", "", ".", "..", ".hidden", "a\n", "-x", "a b", "/etc/x"])
def test_a_name_that_is_a_path_is_refused_and_nothing_is_written(run, ledger, name):
    for attempt in (lambda: record(run, name), lambda: records.record_measured("calibration", name, {})):
        with pytest.raises(ValueError, match="cannot be the name of an entry"):
            attempt()
    assert not ledger.exists() and not (ledger.parent / "x.json").exists()
    assert records.check_name("omniglot-maml-5w1s.2_b") == "omniglot-maml-5w1s.2_b"


@pytest.mark.parametrize("write", ["entry", "measurement"])
def test_an_entry_is_written_whole_or_not_at_all(run, ledger, monkeypatch, write):
    def attempt():
        return record(run) if write == "entry" else records.record_measured("calibration", "mine", {"ece": 0.1})

    attempt()
    before = {path: path.read_bytes() for path in ledger.rglob("*.json")}
    replace = os.replace

    def failing(source, target):
        if str(target).endswith(".json"):
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(KeyboardInterrupt):
        attempt()
    assert {path: path.read_bytes() for path in ledger.rglob("*.json*")} == before


def test_an_unknown_name_is_answered_with_those_there_are(run, ledger):
    with pytest.raises(FileNotFoundError, match="no pretrained learner 'omniglot' .* there are: none"):
        load_pretrained("omniglot")
    for name in ("easy-maml-3w1s", "easy-maml-3w1s-long"):
        record(run, name)
    with pytest.raises(FileNotFoundError, match="there are: easy-maml-3w1s, easy-maml-3w1s-long"):
        load_pretrained("omniglot")


def test_the_ledger_lies_beside_the_package_unless_told_otherwise(ledger, monkeypatch):
    assert folder() == ledger
    monkeypatch.delenv("METALEARN_RESULTS")
    assert folder() == REAL and REAL.is_dir()


def test_the_table_has_a_line_for_every_entry_in_per_cent(run, ledger):
    assert len(records.table().splitlines()) == 1  # the heading
    entry = record(run)[2]
    entry |= {"published": {"accuracy": 0.987, "source": "a paper"}}
    (ledger / "easy-maml-3w1s-published.json").write_text(json.dumps(entry), encoding="utf-8")
    _, plain, published = records.table().splitlines()
    wanted = f"{100 * entry['transductive']['accuracy']:.2f} ± {100 * entry['transductive']['ci95']:5.2f}"
    assert plain.startswith("easy-maml-3w1s ") and wanted in plain and "98.7" not in plain
    assert wanted in published and "98.7" in published and "3 steps" in published


def test_a_damaged_entry_is_named(ledger):
    ledger.mkdir()
    (ledger / "mine.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"mine\.json is not"):
        records.entries()


def test_the_rules_for_entries_notice_what_breaks_them(run, ledger):
    record(run)
    path = ledger / "easy-maml-3w1s.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    changes = [{key: None} for key in KEYS]
    changes += [
        {part: whole[part] | {key: None}} for part in ("transductive", "inductive", "train") for key in INSIDE[part]
    ]
    changes += [{"transductive": {"accuracy": 98.7, "ci95": 0.1}}, {"k_shot": 5}, {"checkpoint": "other"}]
    changes += [{"published": {"accuracy": 0.9}}, {"n_episodes": 1}, {"train": whole["train"] | {"steps": 4}}]
    for change in changes:
        path.write_text(json.dumps(whole | change), encoding="utf-8")
        assert problems(path), change
    path.write_text(json.dumps(whole), encoding="utf-8")
    shutil.copy(run, ledger / "easy-maml-3w1s.safetensors")
    assert "is not a weight" in problems(path)[0]


def test_every_entry_of_the_course_keeps_the_rules():
    assert {path.name: problems(path) for path in REAL.glob("*.json") if problems(path)} == {}


def test_every_pretrained_learner_of_the_course_has_an_entry():
    named = {json.loads(path.read_text(encoding="utf-8"))["checkpoint"] for path in REAL.glob("*.json")}
    assert {path.name for path in REAL.glob("*.safetensors")} == named
