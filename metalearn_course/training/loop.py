"""The meta-training loop that every learner shares."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import torch

from metalearn_course.common.progress import bar
from metalearn_course.datasets import ImageClasses
from metalearn_course.evaluation.accuracy import evaluate, refuse_training_classes
from metalearn_course.learners import Learner, describe
from metalearn_course.sampling import EpisodeSampler
from metalearn_course.training import ranks
from metalearn_course.training.run_folder import History, Run

PRECISIONS = ("float32", "tf32", "bf16")
CALIBRATION = 16  # training episodes that running statistics are the mean of


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
    at_least_one = dict(n_steps=n_steps, n_tasks=n_tasks, validate_every=validate_every, save_every=save_every)
    _check(at_least_one, decay, precision)
    learner.to(device)
    learner.trained_on = _seen(learner.trained_on, sampler.images)
    if validate is not None:  # now rather than after the first validate_every steps
        refuse_training_classes(learner, validate)
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
        optimizer=getattr(optimizer, "__name__", repr(optimizer)),  # functools.partial has no name
        seed=seed,
        precision=precision,
    )
    run = Run(learner, stepper, out, setup, notes or {}, device)
    if run.step > n_steps:
        raise ValueError(f"{out} holds a run of {run.step} steps; ask for at least as many, or choose another folder")
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
        if due := last or (step + 1) % validate_every == 0:
            learner.calibrate(sampler.sample_tasks(seed, step, range(CALIBRATION)))
        if due and validate is not None and ranks.rank() == 0:
            score = evaluate(learner, validate, n_validation, seed=seed)
            record["validation"] = [score.accuracy, score.ci95]
            steps.set_postfix(loss=f"{loss:.3f}", validation=f"{score.accuracy:.3f}")
        run.log(record, time.perf_counter() - started)
        if last or (step + 1) % save_every == 0:
            run.save()
    return run.history


def _check(at_least_one: dict[str, int], decay: float, precision: str) -> None:
    """Refuse what cannot be trained, before anything is written."""
    for name, value in at_least_one.items():
        if value < 1:
            raise ValueError(f"{name}={value}: it must be at least 1")
    if not 0 <= decay <= 1:
        raise ValueError(f"decay={decay}: it is a share of the steps, between 0 and 1")
    if precision not in PRECISIONS:
        raise ValueError(f"precision={precision!r}: choose one of {', '.join(PRECISIONS)}")


def _seen(before: dict | None, images: ImageClasses) -> dict:
    """All that the learner will have seen once it is trained on these classes too."""
    seen = {"dataset_hash": images.hash, "groups": sorted(set(images.groups))}
    if before is None:
        return seen
    if before["dataset_hash"] == images.hash:
        return before | {"groups": sorted({*before["groups"], *seen["groups"]})}
    return seen | {"before": before}


@contextlib.contextmanager
def _precision(precision: str, device):
    """PyTorch multiplies in float32 and convolves in TF32 if nobody says anything; here both are as asked."""
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if precision == "tf32" else before[0])
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    try:
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bf16"):
            yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]
