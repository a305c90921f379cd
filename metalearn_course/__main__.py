"""Command line: train, evaluate, data, results. `python -m metalearn_course COMMAND --help` says more."""

import argparse
import os
import shlex
import sys
import time
from pathlib import Path

import torch

from metalearn_course import datasets, nets, ranks, results, training
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
    args = parser().parse_args(argv)
    args.command = _command(argv)
    try:
        with ranks.process_group(getattr(args, "device", "cpu")):
            args.run(args)
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    return 0


class Parser(argparse.ArgumentParser):
    """argparse answers a mistake with every option there is; the mistake alone is easier to read."""

    def error(self, message: str):
        self.exit(2, f"error: {message} ({self.prog} --help says more)\n")


class Form(argparse.ArgumentDefaultsHelpFormatter):
    """Help that names the defaults, where there is one to name."""

    def _get_help_string(self, action):
        return action.help if action.default in (None, False) else super()._get_help_string(action)


def parser() -> argparse.ArgumentParser:
    top = Parser(prog="python -m metalearn_course", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="meta-train a learner", formatter_class=Form)
    train.set_defaults(run=run_train)
    train.add_argument("learner", choices=["maml"])
    _data_options(train)
    _episode_options(train, n_query=5)
    train.add_argument("--rotations", action="store_true", help="train on every class in four orientations")
    train.add_argument("--official", action="store_true", help="the dataset's official split (Omniglot)")
    train.add_argument("--split-seed", type=int, default=0, help="seed of the random split by class")
    train.add_argument("--downsample", choices=["stride", "max"], default="stride", help="how Conv4 halves pictures")
    train.add_argument("--inner-lr", type=float, default=0.4, help="inner learning rate, on the mean support loss")
    train.add_argument("--inner-steps", type=int, default=1, help="inner steps in training")
    train.add_argument("--test-steps", type=int, help="inner steps at test time (default: as in training)")
    train.add_argument("--first-order", action="store_true", help="FOMAML: drop the second derivatives")
    train.add_argument("--lr-per-parameter", action="store_true", help="learn one inner rate a tensor")
    train.add_argument("--lr-per-step", action="store_true", help="learn one inner rate a step")
    train.add_argument("--head", choices=["linear", "prototypes"], default="linear")
    train.add_argument("--norm", choices=["query", "support"], default="query", help="what normalises queries")
    train.add_argument("--init", metavar="RUN", help="start from the net of this run or ledger entry")
    train.add_argument("--n-steps", type=int, default=2000, help="meta-steps")
    train.add_argument("--n-tasks", type=int, default=16, help="tasks a meta-step")
    train.add_argument("--lr", type=float, default=1e-3, help="outer learning rate (Adam)")
    train.add_argument("--decay", type=float, default=0.3, help="last share of the steps, over which lr falls to 0")
    train.add_argument("--validate-every", type=int, default=500, help="steps between validations")
    train.add_argument("--seed", type=int, default=0, help="seed of weights and tasks")
    train.add_argument("--out", help="folder of the run (default: runs/DATASET-LEARNER-…)")
    _device_options(train)
    train.add_argument("--precision", choices=training.PRECISIONS, default="float32")

    score = commands.add_parser("evaluate", help="score a trained learner on new classes", formatter_class=Form)
    score.set_defaults(run=run_evaluate)
    score.add_argument("learner", metavar="RUN", help="folder of a run, or the name of a ledger entry")
    _data_options(score, default=None)
    score.add_argument("--part", choices=["validation", "test"], default="test")
    score.add_argument("--k-shot", type=int, help="pictures a class to learn from (default: as in training)")
    score.add_argument("--n-query", type=int, default=15, help="queries a class")
    score.add_argument("--n-episodes", type=int, default=1000)
    score.add_argument("--steps", type=_at_least(0), help="inner steps (default: the learner's test steps)")
    score.add_argument("--record", metavar="NAME", help="write the result and the checkpoint to the ledger as NAME")
    _device_options(score)

    data = commands.add_parser("data", help="prepare a dataset and describe it", formatter_class=Form)
    data.set_defaults(run=run_data)
    _data_options(data)

    ledger = commands.add_parser("results", help="print the ledger of measured runs")
    ledger.set_defaults(run=lambda args: print(results.table()))
    return top


def _data_options(command, default: str | None = "kanji") -> None:
    more = "" if default else " (default: the one of the run)"
    command.add_argument("--dataset", default=default, help=f'"kanji", "omniglot" or "folder:PATH"{more}')
    command.add_argument("--root", help="folder with Omniglot's archives")


def _episode_options(command, n_query: int) -> None:
    command.add_argument("--n-way", type=int, default=5, help="classes a task")
    command.add_argument("--k-shot", type=int, default=1, help="support pictures a class")
    command.add_argument("--n-query", type=int, default=n_query, help="query pictures a class")


def _device_options(command) -> None:
    command.add_argument("--device", type=_device, default="cuda" if torch.cuda.is_available() else "cpu")
    command.add_argument("--threads", type=_at_least(1), help="threads of this process (default: PyTorch's choice)")


def _at_least(least: int):
    """The type of an option that counts something."""

    def number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"{text} is less than {least}")
        return int(text)

    number.__name__ = "whole number"  # what argparse calls it
    return number


def _device(name: str) -> str:
    """The name of a device that this machine has."""
    try:
        device = torch.device(name)
        cuda = device.type == "cuda"
        here = (device.index or 0) < torch.cuda.device_count() if cuda else torch.zeros(1, device=device).item() == 0
    except (RuntimeError, AssertionError):  # not a name of a device; a device that this PyTorch was built without
        here = False
    if not here:
        raise argparse.ArgumentTypeError(f"this machine has no device {name!r}; cpu always works")
    return name


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
    options = {} if args.steps is None else {"steps": args.steps}
    started, scores = time.perf_counter(), {}
    for norm in ("query", "support"):
        scores[norm] = evaluate(learner, sampler, args.n_episodes, norm, progress=True, **options)
        print(scores[norm])
    seconds = time.perf_counter() - started
    print(f"{n_way}-way {sampler.k_shot}-shot, {args.part} classes of {images.name}, {seconds:.0f} s")
    if args.record:
        more = dict(split=split | {"part": args.part}, test=options or learner.test_options)
        more["train"] = info["setup"] | dict(command=command, device=info.get("device", args.device))
        published = PUBLISHED.get((sampler.images.name, "maml", n_way, sampler.k_shot))
        if published and args.part == "test":
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
