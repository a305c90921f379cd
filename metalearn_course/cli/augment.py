"""`metalearn augment RUN`: ask what a VILM's pictures are worth beside other further pictures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from metalearn_course.cli import runs
from metalearn_course.cli.options import Whole, at_least
from metalearn_course.cli.signatures import add_options as add_keywords
from metalearn_course.cli.signatures import made
from metalearn_course.evaluation import further_pictures
from metalearn_course.learners import VILM
from metalearn_course.ledger import records


@dataclass(kw_only=True)
class Options(runs.Measuring):
    """What `augment` takes.

    n_way: classes per task
    k_shot: pictures per class to learn from
    n_query: queries per class
    n_choice: validation episodes that choose the weights
    head: what is fitted to a task (default: as in training)
    tune_steps: steps that move the net too (default: as in training)
    tune_lr: their rate
    temperature: deviation of z in generated pictures
    class_temperature: that of c, in deviations of q(c | support)
    record: write the result to the ledger's folder generated under this name
    """

    n_way: int | None = 5
    k_shot: int | None = 1
    n_query: int | None = 10
    n_episodes: int = 400
    n_choice: Annotated[int, at_least(2)] = 100
    head: Literal["linear", "cosine"] | None = None
    tune_steps: Whole | None = None
    tune_lr: float | None = None
    temperature: float | None = None
    class_temperature: float | None = None
    record: str | None = None

    def drawing(self) -> dict:
        """The options of a trained VILM that were given."""
        named = {name: getattr(self, name) for name in further_pictures.OPTIONS}
        return {name: value for name, value in named.items() if value is not None}


def add_options(parser) -> None:
    add_keywords(parser, Options)


def run(args) -> None:
    """Print the gain of generated, of varied and of really more pictures over the support set alone."""
    options = made(Options, args)
    options.use()
    if options.record is not None:
        records.check_name(options.record)
    known = runs.trained(options.run, options.device)
    if not isinstance(known.learner, VILM):
        raise ValueError(f"{options.run} is a {type(known.learner).__name__}; only a VILM generates pictures")
    learner = further_pictures.with_options(known.learner, **options.drawing())
    sampler, at_home = runs.episodes(known, options), runs.validation_at_home(known, options)
    shape = sampler.n_way, sampler.k_shot, sampler.n_query
    rows, episodes_hash = further_pictures.compare(
        learner, (sampler.images, *shape), (at_home.images, *shape), options.n_episodes, options.n_choice
    )
    found = runs.asked(known, sampler, options) | dict(learner=Path(options.run).name, n_choice=options.n_choice)
    found |= dict(episodes_hash=episodes_hash, norm=learner.norm, options=options.drawing(), rows=rows)
    print(further_pictures.table({options.record or options.run: found}))
    if options.record is not None:
        records.record_measured("generated", options.record, found | {"command": args.typed})
