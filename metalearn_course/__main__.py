"""Command line: train, evaluate, data, results. `python -m metalearn_course COMMAND --help` says more."""

import os
import shlex
import sys
import time
from pathlib import Path

import torch

from metalearn_course import datasets, nets, options, ranks, results, training
from metalearn_course.evaluation import evaluate
from metalearn_course.learners import MAML, load_learner
from metalearn_course.learners.pretrained import folder
from metalearn_course.sampling import EpisodeSampler

PUBLISHED = {
    ("omniglot", "maml", 5, 1): (0.987, "Finn et al. 2017 (arXiv 1703.03400), table 1, transductive"),
    ("omniglot", "maml", 5, 5): (0.999, "Finn et al. 2017 (arXiv 1703.03400), table 1, transductive"),
    ("omniglot", "maml", 20, 1): (0.958, "Finn et al. 2017 (arXiv 1703.03400), table 1, transductive"),
    ("omniglot", "maml", 20, 5): (0.989, "Finn et al. 2017 (arXiv 1703.03400), table 1, transductive"),
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; a mistake of the user's is answered in one line."""
    argv = sys.argv[1:] if argv is None else argv
    args = options.parser().parse_args(argv)
    args.command = _command(argv)
    try:
        with ranks.process_group(getattr(args, "device", "cpu")):
            COMMANDS[args.name](args)
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    return 0


def run_train(args) -> None:
    if args.threads:
        torch.set_num_threads(args.threads)
    images = datasets.load(args.dataset, args.root)
    train, validation, _ = images.split(args.split_seed, official=args.official)
    train = train.with_rotations() if args.rotations else train
    torch.manual_seed(args.seed)
    channels, size = images.images.shape[1], images.images.shape[-1]
    learner = MAML(
        nets.Conv4(channels, size, downsample=args.downsample),
        args.n_way,
        inner_lr=args.inner_lr,
        inner_steps=args.inner_steps,
        test_steps=args.test_steps,
        first_order=args.first_order,
        lr_per_step=args.lr_per_step,
        lr_per_parameter=args.lr_per_parameter,
        head=args.head,
        norm=args.norm,
    )
    if args.init:
        _start_from(learner, args.init)
    out = args.out or f"runs/{images.name}-{args.learner}-{args.n_way}w{args.k_shot}s"
    smallest = int(validation.counts.min()) if len(validation) else 0
    n_validation_query = max(1, min(15, smallest - args.k_shot))
    notes = dict(
        command=args.command,
        dataset=args.dataset,
        split_seed=args.split_seed,
        official=args.official,
        init=args.init,
    )
    history = training.fit(
        learner,
        _sampler("training", train, args.n_way, args.k_shot, args.n_query),
        args.n_steps,
        n_tasks=args.n_tasks,
        lr=args.lr,
        decay=args.decay,
        validate=_sampler("validation", validation, args.n_way, args.k_shot, n_validation_query),
        validate_every=args.validate_every,
        seed=args.seed,
        out=out,
        device=args.device,
        precision=args.precision,
        notes=notes,
    )
    if ranks.rank() == 0:
        scores = [f"validation {100 * a:.2f} % ± {100 * ci95:.2f}" for _, a, ci95 in history.validation[-1:]]
        print(", ".join([f"{out}: step {len(history.losses)}", *scores, f"{history.seconds:.0f} s"]))


def run_evaluate(args) -> None:
    if args.threads:
        torch.set_num_threads(args.threads)
    path = _checkpoint(args.learner)
    learner, info = load_learner(path)
    learner.to(args.device)
    split = dict(split_seed=0, official=False) | info["notes"]
    command, dataset = split.pop("command", None), split.pop("dataset", info["setup"]["dataset"][0])
    images = datasets.load(args.dataset or dataset, args.root)
    parts = images.split(split["split_seed"], official=split["official"])
    part = parts[1 if args.part == "validation" else 2]
    n_way, k_shot, _ = info["setup"]["episode"]
    _refuse_other_pictures(learner, info, part)
    sampler = _sampler(args.part, part, n_way, k_shot if args.k_shot is None else args.k_shot, args.n_query)
    steps = {} if args.steps is None else {"steps": args.steps}
    started, scores = time.perf_counter(), {}
    for norm in ("query", "support"):
        scores[norm] = evaluate(learner, sampler, args.n_episodes, norm, progress=True, **steps)
        print(scores[norm])
    seconds = time.perf_counter() - started
    print(f"{n_way}-way {sampler.k_shot}-shot, {args.part} classes of {images.name}, {seconds:.0f} s")
    if args.record:
        more = dict(split=split | {"part": args.part}, test=steps or learner.test_options)
        more["train"] = info["setup"] | dict(command=command, device=info.get("device", args.device))
        published = PUBLISHED.get((images.name, "maml", n_way, sampler.k_shot))
        papers_own = learner.head is not None and not learner.first_order and images.name == dataset
        if published and papers_own and args.part == "test":
            more["published"] = dict(zip(("accuracy", "source"), published))
        results.record(args.record, path, info, scores["query"], scores["support"], sampler, **more)


def run_data(args) -> None:
    started = time.perf_counter()
    images = datasets.load(args.dataset, args.root)
    counts = images.counts
    print(f"{images}, {int(counts.min())} to {int(counts.max())} pictures a class, hash {images.hash}")
    for name, part in zip(("train", "validation", "test"), images.split()):
        print(f"  {name:10} {len(part)} classes")
    print(f"ready in {time.perf_counter() - started:.1f} s")


def run_results(args) -> None:
    print(results.table())


COMMANDS = {"train": run_train, "evaluate": run_evaluate, "data": run_data, "results": run_results}


def _sampler(part: str, images: datasets.ImageClasses, n_way: int, k_shot: int, n_query: int) -> EpisodeSampler:
    try:
        return EpisodeSampler(images, n_way, k_shot, n_query)
    except ValueError as error:
        raise ValueError(f"{part} classes: {error}") from error


def _start_from(learner: MAML, name: str) -> None:
    """Take over the net of another run, and the memory of what it has seen."""
    other, _ = load_learner(_checkpoint(name))
    if other.net.config != learner.net.config:
        raise ValueError(f"--init {name}: its net is {other.net.config}, this one {learner.net.config}")
    learner.net.load_state_dict(other.net.state_dict())
    learner.trained_on = other.trained_on


def _refuse_other_pictures(learner: MAML, info: dict, images: datasets.ImageClasses) -> None:
    """ValueError for pictures that the net cannot take, or of a dataset that is no longer what it was in training."""
    shape, net = tuple(images.images.shape[1:]), learner.net.config
    wanted = (net["in_channels"], net["image_size"], net["image_size"])
    if shape != wanted:
        raise ValueError(f"the pictures of {images.name} are {shape}, but the learner was trained on {wanted}")
    name, hash, _ = info["setup"]["dataset"]
    if name == images.name and hash != images.hash and set(learner.trained_on["groups"]) & set(images.groups):
        raise ValueError(
            f"{name} has changed since the learner was trained on it, and classes that it was trained on are among "
            "those to evaluate on now; bring the old pictures back, or train again"
        )


def _checkpoint(name: str) -> Path:
    """The best checkpoint of a run's folder, else its last one, or that of a ledger entry."""
    for path in (Path(name) / "best.safetensors", Path(name) / "last.safetensors", folder() / f"{name}.safetensors"):
        if path.exists():
            return path
    raise FileNotFoundError(f"{name!r} is neither the folder of a run nor an entry of the ledger in {folder()}")


def _command(argv: list[str]) -> str:
    """The command as typed, for the ledger."""
    ours = "WORLD_SIZE" in os.environ
    launcher = f"torchrun --standalone --nproc-per-node {os.environ['WORLD_SIZE']} -m" if ours else "python -m"
    return f"{launcher} metalearn_course {shlex.join(argv)}"


if __name__ == "__main__":
    sys.exit(main())
