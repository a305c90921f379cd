"""The meta-training loop that every learner shares."""

import contextlib
import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import torch

from metalearn_course.common.progress import bar
from metalearn_course.evaluation.accuracy import evaluate, in_evaluation_mode
from metalearn_course.evaluation.leakage import after_training_on, refuse_classes
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
    warm_up: float = 0,
    decay: float = 0.3,
    clip: float | None = None,
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

    lr: the rate of the optimiser, constant but for its ends: it rises linearly over the first `warm_up`
    steps (below 1: a share of all steps) and falls linearly to zero over the last share `decay`.
    clip: the largest Euclidean norm that the gradient of all parameters together may have; None: any.
    validate: samples validation classes. ValueError where the learner is trained on some of them.
    seed: of the tasks and of the learner's noise: task i of step t depends on (seed, t, i) alone. The
    weights that training starts from are the learner's own, drawn by PyTorch when it was made:
    `torch.manual_seed(0)` in the line before that gives the same ones again.
    out: a folder. The run logs to log.jsonl there, keeps last.safetensors and (with `validate`)
    best.safetensors, and takes up where it stopped if it is started again with the same arguments (only
    n_steps may differ), to the numbers of a run that never stopped.
    precision: "float32"; on a GPU also "tf32" or "bf16" (autocast). notes: anything JSON can say, kept in
    the checkpoints. Under torchrun every process takes a slice of the tasks.

    >>> from metalearn_course import datasets, learners, nets
    >>> pictures = (torch.rand(12 * 4, 1, 16, 16) * 255).byte()
    >>> images = datasets.from_tensors("noise", pictures, counts=[4] * 12, names=list("abcdefghijkl"))
    >>> train, _, test = images.split(seed=0, sizes=(7, 0, 5))
    >>> learner = learners.ProtoNet(nets.Conv4(image_size=16, hidden=8), n_way=5)
    >>> sampler = EpisodeSampler(train, n_way=5, k_shot=1, n_query=2)
    >>> history = fit(learner, sampler, n_steps=3, n_tasks=2, progress=False)
    >>> len(history.losses)
    3
    """
    at_least_one = dict(n_steps=n_steps, n_tasks=n_tasks, validate_every=validate_every, save_every=save_every)
    _check(at_least_one, warm_up, decay, clip, precision)
    seen = after_training_on(learner.trained_on, sampler.images)
    if validate is not None:  # now rather than after the first validate_every steps
        refuse_classes(seen, validate.images)
    mine = ranks.my_tasks(n_tasks)
    learner.to(device)
    ranks.broadcast(learner)
    sampler = sampler.to(device)
    parameters = [p for p in learner.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError(f"{type(learner).__name__} has no parameters to train; it can be evaluated as it is")
    stepper = optimizer(parameters, lr=lr)
    setup = dict(
        learner=describe(learner),
        dataset=[sampler.images.name, sampler.images.hash, len(sampler.images)],
        episode=[sampler.n_way, sampler.k_shot, sampler.n_query],
        sampler=sampler.options,
        n_tasks=n_tasks,
        lr=lr,
        warm_up=warm_up,
        decay=decay,
        clip=clip,
        optimizer=_describe_optimizer(stepper),
        validation=None if validate is None else _describe_sampler(validate) | {"n_episodes": n_validation},
        seed=seed,
        precision=precision,
    )
    with Run(learner, stepper, out, setup, seen, notes or {}, device) as run:
        run.start(n_steps)
        learner.trained_on = seen
        steps = bar(range(run.step, n_steps), progress and ranks.rank() == 0, initial=run.step, total=n_steps)
        for step in steps:
            started = time.perf_counter()
            for group in stepper.param_groups:
                group["lr"] = lr * _rate(step, n_steps, warm_up, decay)
            episodes = sampler.sample_tasks(seed, step, mine)
            stepper.zero_grad()
            with _precision(precision, device):
                losses = learner.accumulate_gradient(episodes, learner.noise_for(seed, step, mine, device))
            loss = ranks.combine(parameters, losses, n_tasks).mean().item()
            if loss != loss:
                raise FloatingPointError(f"the loss of step {step} is not a number; lower lr or inner_lr")
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(parameters, clip)
            stepper.step()
            record = {"step": step + 1, "loss": loss, "lr": stepper.param_groups[0]["lr"]}
            last = step + 1 == n_steps
            if due := last or (step + 1) % validate_every == 0:
                with in_evaluation_mode(learner):
                    learner.calibrate(sampler.sample_tasks(seed, step, range(CALIBRATION)))
            if due and validate is not None and ranks.rank() == 0:
                score = evaluate(learner, validate, n_validation, seed=seed)
                record["validation"] = [score.accuracy, score.ci95]
                steps.set_postfix(loss=f"{loss:.3f}", validation=f"{score.accuracy:.3f}")
            run.log(record, time.perf_counter() - started)
            if last or (step + 1) % save_every == 0:
                run.save()
    return run.history


def _rate(step: int, n_steps: int, warm_up: float, decay: float) -> float:
    """The share of lr that a step takes: up over the first steps, down over the last ones."""
    rising = warm_up if warm_up >= 1 else warm_up * n_steps
    return min(1.0, (step + 1) / max(1.0, rising), (n_steps - step) / max(1.0, decay * n_steps))


def _describe_optimizer(stepper: torch.optim.Optimizer) -> dict:
    """Its class and options, however it was made; not the rate, which `fit` sets step by step."""
    groups = [{k: v for k, v in group.items() if k not in ("params", "lr")} for group in stepper.param_groups]
    return {"name": type(stepper).__name__} | (groups[0] if len(groups) == 1 else {"groups": groups})


def _describe_sampler(sampler: EpisodeSampler) -> dict:
    """Which tasks it draws."""
    names = hashlib.sha256(repr(sampler.images.names).encode()).hexdigest()[:16]
    episode = [sampler.n_way, sampler.k_shot, sampler.n_query]
    return {"dataset": sampler.images.hash, "classes": names, "episode": episode, **sampler.options}


def _check(at_least_one: dict[str, int], warm_up: float, decay: float, clip: float | None, precision: str) -> None:
    """Refuse what cannot be trained, before anything is written."""
    for name, value in at_least_one.items():
        if value < 1:
            raise ValueError(f"{name}={value}: it must be at least 1")
    if not 0 <= decay <= 1:
        raise ValueError(f"decay={decay}: it is a share of the steps, between 0 and 1")
    if warm_up < 0:
        raise ValueError(f"warm_up={warm_up}: it is a number of steps, or below 1 a share of them")
    if clip is not None and not clip > 0:
        raise ValueError(f"clip={clip}: it is the largest norm of the gradient, above 0; None clips nothing")
    if precision not in PRECISIONS:
        raise ValueError(f"precision={precision!r}: choose one of {', '.join(PRECISIONS)}")


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
