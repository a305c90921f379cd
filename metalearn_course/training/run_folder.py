"""A training run on disk: its log and checkpoints, and how it is taken up again."""

import json
import reprlib
from dataclasses import dataclass, field
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from metalearn_course.common import storage
from metalearn_course.evaluation.leakage import without_ids
from metalearn_course.learners import Learner
from metalearn_course.training import checkpoint, ranks


@dataclass
class History:
    """What a run logged: one record per step, with a validation score every so often."""

    records: list[dict] = field(default_factory=list)

    @property
    def losses(self) -> list[float]:
        """Mean outer loss of every step."""
        return [record["loss"] for record in self.records]

    @property
    def validation(self) -> list[tuple[int, float, float]]:
        """(step, accuracy, ci95) of every validation."""
        return [(r["step"], *r["validation"]) for r in self.records if "validation" in r]

    @property
    def seconds(self) -> float:
        """Time spent in training, over all the times that the run was resumed."""
        return self.records[-1]["seconds"] if self.records else 0.0


class Run:
    """The files of a run: the log, and the last and best checkpoint. Only rank 0 writes.

    The first checkpoint is that of step 0, so that the run goes on from the same weights wherever it is
    stopped. A step is logged before its checkpoint is written, so the log is never behind the checkpoint.
    Where it is ahead, the steps beyond the checkpoint are run again, and logged again.
    Used as a context, in which the folder belongs to this process: no other can start in it.
    """

    def __init__(
        self, learner: Learner, optimizer: torch.optim.Optimizer, out, setup: dict, seen: dict, notes: dict, device
    ):
        self.learner, self.optimizer, self.notes, self.device = learner, optimizer, notes, torch.device(device)
        self.setup = json.loads(json.dumps(setup, default=str))  # as it will be read again: tuples become lists
        self.seen, self.history, self.best = seen, History(), -1.0
        self.out = Path(out) if out else None
        self.lock: FileLock | None = None

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_) -> None:
        if self.lock is not None:
            self.lock.release()

    def start(self, n_steps: int) -> None:
        """Go on with the run that the folder holds, or begin one. ValueError where that is not possible."""
        out = self.out
        if out is not None:
            ranks.first_does(lambda: self._begin(out, n_steps))
            if ranks.rank() > 0:
                self._resume(out, n_steps)

    def _begin(self, out: Path, n_steps: int) -> None:
        out.mkdir(parents=True, exist_ok=True)
        lock = self.lock = FileLock(out / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            message = f"another process is training in {out}; let it end, or choose another folder"
            raise ValueError(message) from error
        found = (out / "last.safetensors").exists()
        if found:
            self._resume(out, n_steps)
        _clear(out, keep_best=found)
        storage.write_text(out / "log.jsonl", "".join(json.dumps(r) + "\n" for r in self.history.records))
        if not found:
            self.save()

    @property
    def step(self) -> int:
        return len(self.history.records)

    def _resume(self, out: Path, n_steps: int) -> None:
        try:
            tensors, info = checkpoint.read(out / "last.safetensors")
        except ValueError as error:
            raise ValueError(f"{error}; delete {out} to start the run again") from error
        there = info["setup"] | {"training classes": without_ids(info["trained_on"])}
        odd = _differences(there, self.setup | {"training classes": without_ids(self.seen)})
        if odd:
            raise ValueError(
                f"{out} holds a run with other settings ({'; '.join(odd)}); choose another folder, or delete "
                "that one to start again"
            )
        if info["step"] > n_steps:
            raise ValueError(
                f"{out} holds a run of {info['step']} steps; ask for at least as many, or choose another folder"
            )
        checkpoint.restore_learner(self.learner, tensors)
        checkpoint.restore_optimizer(self.optimizer, tensors)
        self.best = info["best"]
        self.history.records = _read_log(out / "log.jsonl", info["step"])

    def log(self, record: dict, seconds: float) -> None:
        record["seconds"] = round(self.history.seconds + seconds, 3)
        self.history.records.append(record)
        if self.out is None or ranks.rank() > 0:
            return
        with open(self.out / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        if "validation" in record and record["validation"][0] > self.best:
            self.best = record["validation"][0]
            checkpoint.save(self.out / "best.safetensors", self.learner, self._info())

    def save(self) -> None:
        if self.out is not None and ranks.rank() == 0:
            checkpoint.save(self.out / "last.safetensors", self.learner, self._info(), self.optimizer)

    def _info(self) -> dict:
        cuda = self.device.type == "cuda"
        return dict(
            step=self.step,
            best=self.best,
            seconds=self.history.seconds,
            ranks=ranks.size(),
            device=torch.cuda.get_device_name(self.device) if cuda else str(self.device),
            setup=self.setup,
            notes=self.notes,
            trained_on=self.seen,
        )


def _read_log(path: Path, n_steps: int) -> list[dict]:
    """The first n_steps records; what follows them, half a line perhaps, is of steps that are run again."""
    lines = path.read_text(encoding="utf-8").splitlines()[:n_steps] if path.exists() else []
    try:
        records = [json.loads(line) for line in lines]
    except json.JSONDecodeError:
        records = []
    if [record["step"] for record in records] != list(range(1, n_steps + 1)):
        raise ValueError(
            f"{path} does not hold the {n_steps} steps of the checkpoint beside it; put the log back, or delete "
            f"{path.parent} to start the run again"
        )
    return records


def _differences(there, here, name: str = "") -> list[str]:
    """What differs between two settings, in words; settings within settings are compared one by one."""
    if isinstance(there, dict) and isinstance(here, dict):
        keys = dict.fromkeys([*here, *there])
        return [d for key in keys for d in _differences(there.get(key), here.get(key), f"{name}.{key}".lstrip("."))]
    return [] if there == here else [f"{name} {reprlib.repr(there)} there, {reprlib.repr(here)} now"]


def _clear(out: Path, keep_best: bool) -> None:
    """Remove what a killed process left half written, and the best learner of a run that starts again."""
    for part in out.glob("*.part"):
        part.unlink()
    if not keep_best:
        (out / "best.safetensors").unlink(missing_ok=True)
