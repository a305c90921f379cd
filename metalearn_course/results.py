"""The ledger of measured runs: one JSON file and one checkpoint a run, in results/."""

import datetime
import json
from pathlib import Path

from metalearn_course import files
from metalearn_course.evaluation import Score
from metalearn_course.learners.pretrained import folder


def entries() -> dict[str, dict]:
    """All entries of the ledger by name."""
    return {path.stem: _read(path) for path in sorted(folder().glob("*.json"), key=lambda p: p.stem)}


def record(name: str, run: Path, info: dict, transductive: Score, inductive: Score, sampler, **more) -> dict:
    """Write an entry and copy the checkpoint, without the optimiser's state, beside it."""
    setup, learner = info["setup"], info["setup"]["learner"]
    entry = dict(
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
    )
    entry["train"] |= more.pop("train", {})
    entry |= more
    tensors, _ = files.read(run)
    folder().mkdir(parents=True, exist_ok=True)
    weights = {key: tensor for key, tensor in tensors.items() if key.startswith("learner.")}
    files.write(folder() / entry["checkpoint"], weights, info)
    (folder() / f"{name}.json").write_text(json.dumps(entry, indent=2) + "\n")
    return entry


def table(learner: str | None = None) -> str:
    """The ledger as text, one line an entry; of one learner alone where it is named."""
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


def _read(path: Path) -> dict:
    try:
        return json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not the JSON of a measured run ({error}); record it again or remove it") from error


def _figures(score: Score) -> dict:
    return {"accuracy": round(score.accuracy, 5), "ci95": round(score.ci95, 5)}
