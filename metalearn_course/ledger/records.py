"""The ledger of measured runs: one JSON file per run, and its checkpoint, in results/."""

import datetime
import json
import re
from pathlib import Path
from typing import Any

from metalearn_course.common import storage
from metalearn_course.evaluation import calibration
from metalearn_course.evaluation.accuracy import Score
from metalearn_course.evaluation.calibration import Answers
from metalearn_course.learners import ABML, ANIL, MAML, Learner, Reptile
from metalearn_course.ledger.pretrained import folder, folders

WAYS_AND_SHOTS = [(5, 1), (5, 5), (20, 1), (20, 5)]


def _figures_of(source: str, *accuracies: float | None) -> dict:
    return {task: (a, source) for task, a in zip(WAYS_AND_SHOTS, accuracies) if a is not None}


PUBLISHED = {
    ("omniglot", "MAML"): _figures_of(
        "Finn et al. 2017 (arXiv 1703.03400), table 1, transductive", 0.987, 0.999, 0.958, 0.989
    ),
    ("omniglot", "FOMAML"): _figures_of(
        "Nichol et al. 2018 (arXiv 1803.02999), table 2, transductive; second-hand", 0.983, 0.992, 0.894, 0.979
    ),
    ("omniglot", "Reptile"): _figures_of(
        "Nichol et al. 2018 (arXiv 1803.02999), table 2, transductive; second-hand", 0.9768, 0.9948, 0.8943, 0.9712
    ),
    ("omniglot", "MatchingNet"): _figures_of(
        "Vinyals et al. 2016 (arXiv 1606.04080), table 1, without fine-tuning; second-hand", 0.981, 0.989, 0.938, 0.985
    ),
    ("omniglot", "ProtoNet"): _figures_of("Snell et al. 2017 (arXiv 1703.05175), table 1", 0.988, 0.997, 0.960, 0.989),
}


def entries() -> dict[str, dict]:
    """All entries of the ledger by name."""
    return _entries("")


def check_name(name: str) -> str:
    """The name, where it can be an entry's: it becomes the name of a file. ValueError for any other, or a path."""
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise ValueError(
            f"{name!r} cannot be the name of an entry; take letters, digits, '-', '_' and '.', and no folder"
        )
    return name


def record(name: str, run: Path, info: dict, scores: dict[str, Score], sampler, **more) -> dict:
    """Write an entry and copy the checkpoint, with what the learner needs to be used, beside it.

    scores: one for every normalisation mode. The entry's transductive figure is that of "query", the
    inductive one that of the mode in training, or else of the last mode; all are kept under "norms".
    "validation" is the run's curve, (step, accuracy, ci95) each; empty where the run's log is not at hand.
    """
    check_name(name)
    setup, learner = info["setup"], info["setup"]["learner"]
    transductive = scores["query"]
    inductive = scores[learner["norm"]] if learner["norm"] != "query" else list(scores.values())[-1]
    entry: dict[str, Any] = dict(
        dataset=sampler.images.name,
        dataset_hash=sampler.images.hash,
        learner=learner["name"].lower(),
        n_way=sampler.n_way,
        k_shot=sampler.k_shot,
        n_query=sampler.n_query,
        n_episodes=len(transductive.per_episode),
        episodes_hash=transductive.episodes_hash,
        train_norm=learner["norm"],
        transductive=_figures(transductive),
        inductive=_figures(inductive) | {"norm": inductive.norm},
        norms={norm: _figures(score) for norm, score in scores.items()},
        train=dict(
            steps=info["step"],
            seconds=round(info["seconds"]),
            device=info.get("device"),
            ranks=info["ranks"],
            command=info["notes"].get("command"),
            seed=setup["seed"],
        ),
        date=datetime.date.today().isoformat(),
        checkpoint=f"{name}.safetensors",
        validation=_validation(run.with_name("log.jsonl")),
    )
    entry["train"] |= more.pop("train", {})
    entry |= more
    tensors, kept = storage.read(run)
    folder().mkdir(parents=True, exist_ok=True)
    weights = {key: tensor for key, tensor in tensors.items() if _needed(key)}
    storage.write(folder() / entry["checkpoint"], weights, kept)
    entry["checkpoint"] = _shared(folder() / entry["checkpoint"])
    storage.write_text(folder() / f"{name}.json", json.dumps(entry, indent=2) + "\n")
    return entry


def _shared(checkpoint: Path) -> str:
    """The name of the checkpoint, or of another entry's, of the same training: then this copy is dropped."""
    for other in sorted(checkpoint.parent.glob("*.safetensors")):
        if other != checkpoint and storage.checksum(other) == storage.checksum(checkpoint):
            checkpoint.unlink()
            return other.name
    return checkpoint.name


def record_measured(kind: str, name: str, figures: dict) -> None:
    """Write a measurement to the folder `kind`. It has no checkpoint of its own: it names the learner's."""
    path = folder() / kind / f"{check_name(name)}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    storage.write_text(path, json.dumps(figures | {"date": datetime.date.today().isoformat()}, indent=2) + "\n")


def measured(kind: str) -> dict[str, dict]:
    """All measurements of a kind by name: "calibration", "generated", or "incontext" (of lesson 16)."""
    return _entries(kind)


def calibration_figures(found: Answers) -> dict[str, float]:
    """What the ledger keeps of a learner's answers."""
    accuracy = (found.known.argmax(-1) == found.labels).float().mean().item()
    errors = calibration.calibration(found.known, found.labels)._asdict()
    figures = dict(accuracy=accuracy) | errors | dict(auroc=calibration.doubt(found).auroc)
    return {name: round(figure, 5) for name, figure in figures.items()}


def calibration_table(*learners: str) -> str:
    """The measurements of calibration as text, one line each; of some entries of the ledger alone if they are named.

    The last columns are those at the temperature T, which was fitted on validation classes.
    """
    keys = ("ece", "mce", "brier", "auroc")
    lines = [
        f"{'learner':28} {'asked about':15} accuracy     ECE     MCE   Brier   AUROC |    T     ECE   Brier   AUROC"
    ]
    for entry in measured("calibration").values():
        if learners and entry["learner"] not in learners:
            continue
        samples = entry["test"].get("samples")
        name = entry["learner"] + {None: "", 0: ", mean"}.get(samples, f", {samples} draws")
        task = f"{entry['dataset']} {entry['n_way']}w{entry['k_shot']}s"
        figures = " ".join(f"{entry[key]:7.4f}" for key in keys)
        tempered = " ".join(f"{entry['tempered'][key]:7.4f}" for key in keys if key != "mce")
        figures = f"{figures} | {entry['tempered']['temperature']:4.2f} {tempered}"
        lines.append(f"{name:28} {task:15} {100 * entry['accuracy']:8.2f} {figures}")
    return "\n".join(lines)


def published(dataset: str, learner: Learner, n_way: int, k_shot: int) -> dict:
    """{"published": {"accuracy", "source"}} where the paper that a learner stands for says one, else {}."""
    found = PUBLISHED.get((dataset, _method(learner)), {}).get((n_way, k_shot))
    return {"published": dict(zip(("accuracy", "source"), found))} if found else {}


def _method(learner: Learner) -> str | None:
    """The name of the published method that a learner is; None for a variant that no paper has."""
    if isinstance(learner, MAML) and not isinstance(learner, (ABML, ANIL, Reptile)):
        return None if learner.head is None else "FOMAML" if learner.first_order else "MAML"
    cosine_prototypes = learner.config.get("distance") == "cosine"
    return None if cosine_prototypes else type(learner).__name__


def _needed(key: str) -> bool:
    """Whether a tensor of a checkpoint is needed to use and guard the learner: no optimiser, no training head."""
    return key.startswith(("learner.", "trained_on.")) and not key.startswith("learner.training_head.")


def table(learner: str | None = None) -> str:
    """The ledger as text, one line per entry; of one learner alone where it is named."""
    lines = [f"{'run':34} {'transductive':>16} {'inductive':>16} {'published':>10}  training"]
    for name, entry in entries().items():
        if learner not in (None, entry["learner"]):
            continue
        kinds = " ".join(
            f"{100 * entry[kind]['accuracy']:8.2f} ± {100 * entry[kind]['ci95']:5.2f}"
            for kind in ("transductive", "inductive")
        )
        published = entry.get("published")
        figure = f"{100 * published['accuracy']:10.1f}" if published else " " * 10
        train = entry["train"]
        lines.append(f"{name:34} {kinds} {figure}  {train['steps']} steps, {train['seconds'] / 60:.0f} min")
    return "\n".join(lines)


def _validation(log: Path) -> list[list[float]]:
    """(step, accuracy, ci95) of every validation in a run's log."""
    records = map(json.loads, log.read_text(encoding="utf-8").splitlines()) if log.exists() else []
    return [[r["step"], *(round(figure, 5) for figure in r["validation"])] for r in records if "validation" in r]


def _entries(kind: str) -> dict[str, dict]:
    """What the folders of the ledger, or their subfolders of a kind, hold by name; the reader's own come first."""
    paths = {path.stem: path for place in reversed(folders()) for path in (place / kind).glob("*.json")}
    return {name: _read(paths[name]) for name in sorted(paths)}


def _read(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not the JSON of a measured run ({error}); record it again or remove it") from error


def _figures(score: Score) -> dict:
    return {"accuracy": round(score.accuracy, 5), "ci95": round(score.ci95, 5)}
