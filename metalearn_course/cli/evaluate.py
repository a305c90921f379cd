"""`metalearn evaluate RUN`: score a trained learner on new classes."""

import time
from dataclasses import dataclass

from metalearn_course.cli import runs
from metalearn_course.cli.options import Whole
from metalearn_course.cli.signatures import add_options as add_keywords
from metalearn_course.cli.signatures import made
from metalearn_course.evaluation.accuracy import Score, evaluate
from metalearn_course.evaluation.comparison import Gain, paired
from metalearn_course.learners import Learner
from metalearn_course.ledger import records
from metalearn_course.ledger.pretrained import folder
from metalearn_course.sampling import EpisodeSampler


@dataclass(kw_only=True)
class Options(runs.Measuring):
    """What `evaluate` takes.

    steps: inner steps (default: the learner's test steps)
    m: pictures per class that a VILM generates (default: its own m)
    record: write the result and the checkpoint to the ledger under this name
    """

    steps: Whole | None = None
    m: Whole | None = None
    record: str | None = None


def add_options(parser) -> None:
    add_keywords(parser, Options)


def run(args) -> None:
    """Print the accuracy in every mode of normalisation that the learner has, and record it where that is asked."""
    options = made(Options, args)
    options.use()
    if options.record is not None:
        records.check_name(options.record)
    known = runs.trained(options.run, options.device)
    sampler = runs.episodes(known, options)
    how, started = _test_options(known.learner, options), time.perf_counter()
    scores, gains = _measure(known.learner, sampler, options.n_episodes, how)
    seconds = time.perf_counter() - started
    task = f"{sampler.n_way}-way {sampler.k_shot}-shot"
    print(f"{task}, {options.part} classes of {sampler.images.name}, {seconds:.0f} s")
    if options.record is not None:
        more = _more(known, sampler, options, how, gains)
        records.record(options.record, known.path, known.info, scores, sampler, **more)
        print(f"recorded as {folder() / options.record}.json")


def _test_options(learner: Learner, options: Options) -> dict:
    """What the command says of the adaptation to a task; ValueError where the learner does not know it."""
    given = {name: value for name, value in dict(steps=options.steps, m=options.m).items() if value is not None}
    for name, value in given.items():
        if name not in learner.test_options:
            raise ValueError(f"--{name} {value}: {type(learner).__name__} takes no {name} at test time")
    return given


def _measure(learner: Learner, sampler: EpisodeSampler, n_episodes: int, how: dict) -> tuple[dict, dict]:
    """Scores by mode of normalisation; where pictures are generated, what they gain over none."""
    scores: dict[str, Score] = {}
    gains: dict[str, Gain] = {}
    generated = {**learner.test_options, **how}.get("m", 0)
    for norm in learner.norms:
        scores[norm] = evaluate(learner, sampler, n_episodes, norm, progress=True, **how)
        print(scores[norm])
        if generated:
            without = evaluate(learner, sampler, n_episodes, norm, progress=True, **how | {"m": 0})
            gains[norm] = paired(scores[norm], without)
            print(f"  over no generated pictures: {gains[norm]}")
    return scores, gains


def _more(known: runs.Trained, sampler: EpisodeSampler, options: Options, how: dict, gains: dict[str, Gain]) -> dict:
    """What an entry of the ledger says beyond the scores."""
    learner, info, notes = known.learner, known.info, dict(known.notes)
    command, dataset, _ = notes.pop("command", None), notes.pop("dataset"), notes.pop("test_episode")
    more = dict(split=notes | {"part": options.part}, test={**learner.test_options, **how})
    more["train"] = info["setup"] | dict(command=command, device=info.get("device", options.device))
    if options.given():
        more["drawing"] = options.given()
    if gains:
        more["gain"] = {norm: {k: round(v, 5) for k, v in gain._asdict().items()} for norm, gain in gains.items()}
    if options.part == "test" and sampler.images.name == dataset and not options.given():
        more |= records.published(dataset, learner, sampler.n_way, sampler.k_shot)
    return more
