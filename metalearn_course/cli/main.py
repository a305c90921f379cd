"""The command line: train, evaluate, calibrate, augment, data, results, reproduce.

`python -m metalearn_course COMMAND --help` says more.
"""

import argparse
import os
import shlex
import sys
import time
from pathlib import Path

import torch

from metalearn_course import datasets, nets, training
from metalearn_course.cli import learner_options, options
from metalearn_course.evaluation import calibration, further_pictures
from metalearn_course.evaluation.accuracy import evaluate
from metalearn_course.evaluation.comparison import paired
from metalearn_course.learners import ABML, VILM, Learner, load_learner
from metalearn_course.ledger import plan, records
from metalearn_course.ledger.pretrained import checkpoint_of, folder
from metalearn_course.sampling import EpisodeSampler
from metalearn_course.training import ranks


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
    net = nets.Conv4(channels, size, downsample=args.downsample)
    learner = learner_options.build(args, net, n_classes=len(train))
    if args.init:
        _start_from(learner, args.init)
    test_way, test_shot = args.test_way or args.n_way, args.test_shot or args.k_shot
    out = args.out or f"runs/{images.name}-{args.learner}-{test_way}w{test_shot}s"
    smallest = int(validation.counts.min()) if len(validation) else 0
    n_validation_query = max(1, min(15, smallest - test_shot))
    notes = dict(
        command=args.command,
        dataset=args.dataset,
        split_seed=args.split_seed,
        official=args.official,
        init=args.init,
        test_episode=[test_way, test_shot],
    )
    history = training.fit(
        learner,
        _sampler("training", train, args.n_way, args.k_shot, args.n_query),
        args.n_steps,
        n_tasks=args.n_tasks,
        lr=args.lr,
        decay=args.decay,
        optimizer={"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[args.optimizer],
        validate=_sampler("validation", validation, test_way, test_shot, n_validation_query),
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


def _to_measure(args) -> tuple[Learner, dict, dict, EpisodeSampler]:
    """The learner that the command names, its info and notes, and the sampler of the classes to measure it on."""
    if args.threads:
        torch.set_num_threads(args.threads)
    learner, info = load_learner(_checkpoint(args.learner))
    learner.to(args.device)
    notes = dict(split_seed=0, official=False, dataset=info["setup"]["dataset"][0]) | info["notes"]
    images = datasets.load(args.dataset or notes["dataset"], args.root)
    parts = images.split(notes["split_seed"], official=notes["official"])
    part = parts[1 if args.part == "validation" else 2]
    _refuse_other_pictures(learner, info, part)
    usual = notes.pop("test_episode", info["setup"]["episode"][:2])
    n_way, k_shot = (n if given is None else given for n, given in zip(usual, (args.n_way, args.k_shot)))
    return learner, info, notes, _sampler(args.part, part, n_way, k_shot, args.n_query)


def run_evaluate(args) -> None:
    learner, info, notes, sampler = _to_measure(args)
    command, dataset = notes.pop("command", None), notes.pop("dataset")
    images, n_way, k_shot = sampler.images, sampler.n_way, sampler.k_shot
    options = {name: getattr(args, name) for name in ("steps", "m") if getattr(args, name) is not None}
    for name, value in options.items():
        if name not in learner.test_options:
            raise ValueError(f"--{name} {value}: {type(learner).__name__} takes no {name} at test time")
    started, scores, gains = time.perf_counter(), {}, {}
    generated = (learner.test_options | options).get("m", 0)
    for norm in learner.norms:
        scores[norm] = evaluate(learner, sampler, args.n_episodes, norm, progress=True, **options)
        print(scores[norm])
        if generated:
            without = evaluate(learner, sampler, args.n_episodes, norm, progress=True, **options | {"m": 0})
            gains[norm] = paired(scores[norm], without)
            print(f"  over no generated pictures: {gains[norm]}")
    seconds = time.perf_counter() - started
    print(f"{n_way}-way {k_shot}-shot, {args.part} classes of {images.name}, {seconds:.0f} s")
    if args.record:
        more = dict(split=notes | {"part": args.part}, test=learner.test_options | options)
        more["train"] = info["setup"] | dict(command=command, device=info.get("device", args.device))
        if generated:
            more["gain"] = {norm: {k: round(v, 5) for k, v in gain._asdict().items()} for norm, gain in gains.items()}
        if args.part == "test" and images.name == dataset:
            more |= records.published(images.name, learner, n_way, k_shot)
        records.record(args.record, _checkpoint(args.learner), info, scores, sampler, **more)


def run_calibrate(args) -> None:
    learner, info, _, sampler = _to_measure(args)
    options, norm = _draws(learner, args.samples), calibration.inductive_norm(learner)
    learner.batching = "loop" if args.device == "cpu" else "vmap"  # with so many queries a CPU is faster in a loop
    at_home = argparse.Namespace(**vars(args) | dict(dataset=None, part="validation"))
    validation = _to_measure(at_home)[-1]  # where it was trained, since a learner does not know where it will be asked
    temperature = calibration.fit_temperature(
        *calibration.predictions(learner, validation, args.n_validation, norm, **options)
    )
    found = calibration.answers(learner, sampler, args.n_episodes, norm, **options)
    figures = records.calibration_figures(found)
    tempered = {"temperature": round(temperature, 4)} | records.calibration_figures(found.at(temperature))
    for each in (figures, tempered):
        print(", ".join(f"{name} {value:.4f}" for name, value in each.items()))
    if args.record:
        asked = dict(learner=args.learner, steps=info["step"], dataset=sampler.images.name, part=args.part)
        asked |= dict(dataset_hash=sampler.images.hash, n_way=sampler.n_way, k_shot=sampler.k_shot)
        asked |= dict(n_query=sampler.n_query, n_episodes=args.n_episodes, norm=norm, test=options)
        more = dict(tempered=tempered | {"n_validation": args.n_validation}, command=args.command)
        records.record_measured("calibration", args.record, asked | figures | more)


def _draws(learner: Learner, samples: int | None) -> dict:
    """The option of a Bayesian learner that says how many draws of the weights make a prediction."""
    if samples is not None and not isinstance(learner, ABML):
        raise ValueError(f"--samples {samples}: {type(learner).__name__} has no posterior to draw from")
    return {} if samples is None else {"samples": samples}


def run_augment(args) -> None:
    learner, info, _, sampler = _to_measure(args)
    if not isinstance(learner, VILM):
        raise ValueError(f"{args.learner} is a {type(learner).__name__}; only a VILM generates pictures")
    options = {name: getattr(args, name) for name in further_pictures.OPTIONS if getattr(args, name) is not None}
    learner = further_pictures.with_options(learner, **options)
    at_home = argparse.Namespace(**vars(args) | dict(dataset=None, part="validation"))
    shape, (images, own) = (args.n_way, args.k_shot, args.n_query), (sampler.images, _to_measure(at_home)[-1].images)
    trial = (images, *shape), (own, *shape)
    rows, episodes_hash = further_pictures.compare(learner, *trial, args.n_episodes, args.n_choice)
    asked = dict(learner=Path(args.learner).name, steps=info["step"], dataset=images.name, dataset_hash=images.hash)
    asked |= dict(part=args.part, n_way=args.n_way, k_shot=args.k_shot, n_query=args.n_query)
    asked |= dict(n_episodes=args.n_episodes, n_choice=args.n_choice, episodes_hash=episodes_hash, norm=learner.norm)
    found = asked | dict(options=options, rows=rows, command=args.command)
    print(further_pictures.table({args.record or args.learner: found}))
    if args.record:
        records.record_measured("generated", args.record, found)


def run_data(args) -> None:
    started = time.perf_counter()
    images = datasets.load(args.dataset, args.root)
    counts = images.counts
    print(f"{images}, {int(counts.min())} to {int(counts.max())} pictures a class, hash {images.hash}")
    for name, part in zip(("train", "validation", "test"), images.split()):
        print(f"  {name:10} {len(part)} classes")
    print(f"ready in {time.perf_counter() - started:.1f} s")


def run_results(args) -> None:
    print(f"{records.table()}\n\n{records.calibration_table()}")


def run_reproduce(args) -> None:
    if args.list:
        for run in plan.RUNS:
            print(f"{'missing' if run.missing() else 'there':8} {', '.join(run.entries)}")
        for kind, planned in (("calibration", plan.calibrations()), ("generated", plan.augmentations())):
            there = records.measured(kind)
            for name in planned:
                print(f"{'there' if name in there else 'missing':8} {kind}/{name}")
        return
    plan.reproduce()
    plan.measure()
    run_results(args)


COMMANDS = {
    "train": run_train,
    "evaluate": run_evaluate,
    "calibrate": run_calibrate,
    "augment": run_augment,
    "data": run_data,
    "results": run_results,
    "reproduce": run_reproduce,
}


def _sampler(part: str, images: datasets.ImageClasses, n_way: int, k_shot: int, n_query: int) -> EpisodeSampler:
    try:
        return EpisodeSampler(images, n_way, k_shot, n_query)
    except ValueError as error:
        raise ValueError(f"{part} classes: {error}") from error


def _start_from(learner: Learner, name: str) -> None:
    """Take over the net of another run, and the memory of what it has seen."""
    other, _ = load_learner(_checkpoint(name))
    if other.net.config != learner.net.config:
        raise ValueError(f"--init {name}: its net is {other.net.config}, this one {learner.net.config}")
    learner.start_from(other)
    learner.trained_on = other.trained_on


def _refuse_other_pictures(learner: Learner, info: dict, images: datasets.ImageClasses) -> None:
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
    for path in (Path(name) / "best.safetensors", Path(name) / "last.safetensors", checkpoint_of(name)):
        if path and path.exists():
            return path
    raise FileNotFoundError(f"{name!r} is neither the folder of a run nor an entry of the ledger in {folder()}")


def _command(argv: list[str]) -> str:
    """The command as typed, for the ledger."""
    ours = "WORLD_SIZE" in os.environ
    launcher = f"torchrun --standalone --nproc-per-node {os.environ['WORLD_SIZE']} -m" if ours else "python -m"
    return f"{launcher} metalearn_course {shlex.join(argv)}"
