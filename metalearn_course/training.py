"""The meta-training loop that every learner shares."""

import contextlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from metalearn_course import checkpoint, files, ranks
from metalearn_course.evaluation import evaluate
from metalearn_course.learners import Learner
from metalearn_course.progress import bar
from metalearn_course.sampling import EpisodeSampler

PRECISIONS = ("float32", "tf32", "bf16")


@dataclass
class History:
    """What a run logged: one record a step, with a validation score every so often."""

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


def fit(
    learner: Learner,
    sampler: EpisodeSampler,
    n_steps: int,
    *,
    n_tasks: int = 16,
    lr: float = 1e-3,
    decay: float = 0.3,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    validate: EpisodeSampler | None = None,
    validate_every: int = 500,
    n_validation: int = 200,
    seed: int = 0,
    out: str | Path | None = None,
    save_every: int = 100,
    device: str | torch.device = "cpu",
    precision: str = "float32",
    notes: dict | None = None,
    progress: bool = True,
) -> History:
    """Meta-train the learner in place for n_steps steps of n_tasks tasks each.

    lr is constant, then falls linearly to zero over the last share `decay` of the steps. `validate`
    samples validation classes. With `out`, a folder, the run logs to log.jsonl, keeps last.safetensors
    and (with `validate`) best.safetensors, and takes up where it stopped if it is started again with
    the same arguments; only n_steps may differ. Task i of step t depends on (seed, t, i) alone, so a
    resumed run gives the numbers of one that never stopped, and under torchrun every process takes a
    slice of the tasks. precision: "float32"; on a GPU also "tf32" or "bf16" (autocast). notes: anything
    JSON can say, kept in the checkpoints.
    """
    if n_steps < 1 or n_tasks < 1:
        raise ValueError(f"n_steps={n_steps}, n_tasks={n_tasks}: both must be at least 1")
    if precision not in PRECISIONS:
        raise ValueError(f"precision={precision!r}: choose one of {', '.join(PRECISIONS)}")
    learner.to(device)
    learner.trained_on = {"dataset_hash": sampler.images.hash, "groups": sorted(set(sampler.images.groups))}
    ranks.broadcast(learner)
    sampler = sampler.to(device)
    parameters = [p for p in learner.parameters() if p.requires_grad]
    stepper = optimizer(parameters, lr=lr)
    setup = dict(
        learner=describe(learner),
        dataset=[sampler.images.name, sampler.images.hash, len(sampler.images)],
        episode=[sampler.n_way, sampler.k_shot, sampler.n_query],
        n_tasks=n_tasks,
        lr=lr,
        decay=decay,
        optimizer=optimizer.__name__,
        seed=seed,
        precision=precision,
    )
    run = _Run(learner, stepper, out, setup, notes or {})
    mine = ranks.my_tasks(n_tasks)
    steps = bar(range(run.step, n_steps), progress and ranks.rank() == 0, initial=run.step, total=n_steps)
    for step in steps:
        started = time.perf_counter()
        for group in stepper.param_groups:
            group["lr"] = lr * min(1.0, (n_steps - step) / max(1.0, decay * n_steps))
        episodes = sampler.sample_tasks(seed, step, mine)
        stepper.zero_grad()
        with _precision(precision, device):
            losses = learner.accumulate_gradient(episodes, learner.noise_for(seed, step, mine, device))
        loss = ranks.combine(parameters, losses, n_tasks).mean().item()
        if loss != loss:
            raise FloatingPointError(f"the loss of step {step} is not a number; lower lr or inner_lr")
        stepper.step()
        record = {"step": step + 1, "loss": loss, "lr": stepper.param_groups[0]["lr"]}
        last = step + 1 == n_steps
        if validate is not None and ranks.rank() == 0 and (last or (step + 1) % validate_every == 0):
            score = evaluate(learner, validate, n_validation, seed=seed)
            record["validation"] = [score.accuracy, score.ci95]
            steps.set_postfix(loss=f"{loss:.3f}", validation=f"{score.accuracy:.3f}")
        run.log(record, time.perf_counter() - started)
        if last or (step + 1) % save_every == 0:
            run.save()
    return run.history


def describe(learner: Learner) -> dict:
    """Class names and arguments that rebuild a learner."""
    net = learner.net
    return {"name": type(learner).__name__, **learner.config, "net": {"name": type(net).__name__, **net.config}}


@contextlib.contextmanager
def _precision(precision: str, device):
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if precision == "tf32" else before)
    try:
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bf16"):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


class _Run:
    """The files of a run: the log, and the last and best checkpoint. Only rank 0 writes."""

    def __init__(self, learner: Learner, optimizer: torch.optim.Optimizer, out, setup: dict, notes: dict):
        self.learner, self.optimizer, self.setup, self.notes = learner, optimizer, setup, notes
        self.history, self.best = History(), -1.0
        self.out = Path(out) if out else None
        if self.out is None:
            return
        self.out.mkdir(parents=True, exist_ok=True)
        if (self.out / "last.safetensors").exists():
            self._resume()
        if ranks.rank() == 0:
            _replace(self.out / "log.jsonl", "".join(json.dumps(r) + "\n" for r in self.history.records))

    @property
    def step(self) -> int:
        return len(self.history.records)

    def _resume(self) -> None:
        tensors, info = files.read(self.out / "last.safetensors")
        odd = [key for key in self.setup if info["setup"].get(key) != self.setup[key]]
        if odd:
            raise ValueError(
                f"{self.out} holds a run with other settings ({', '.join(odd)}: {info['setup'].get(odd[0])!r} there, "
                f"{self.setup[odd[0]]!r} now); choose another folder, or delete that one to start again"[:600]
            )
        checkpoint.restore_learner(self.learner, tensors)
        checkpoint.restore_optimizer(self.optimizer, tensors)
        self.best = info["best"]
        lines = (self.out / "log.jsonl").read_text().splitlines()[: info["step"]]  # later steps are run again
        self.history.records = [json.loads(line) for line in lines]

    def log(self, record: dict, seconds: float) -> None:
        record["seconds"] = round(self.history.seconds + seconds, 3)
        self.history.records.append(record)
        if self.out is None or ranks.rank() > 0:
            return
        with open(self.out / "log.jsonl", "a") as file:
            file.write(json.dumps(record) + "\n")
        if "validation" in record and record["validation"][0] > self.best:
            self.best = record["validation"][0]
            checkpoint.save(self.out / "best.safetensors", self.learner, self._info())

    def save(self) -> None:
        if self.out is not None and ranks.rank() == 0:
            checkpoint.save(self.out / "last.safetensors", self.learner, self._info(), self.optimizer)

    def _info(self) -> dict:
        info = {"step": self.step, "best": self.best, "seconds": self.history.seconds, "ranks": ranks.size()}
        return info | {"setup": self.setup, "notes": self.notes, "trained_on": self.learner.trained_on}


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(text)
    os.replace(part, path)
