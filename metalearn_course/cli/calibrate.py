"""`metalearn calibrate RUN`: ask how far a trained learner's probabilities can be trusted."""

from dataclasses import dataclass

from metalearn_course.cli import runs
from metalearn_course.cli.options import Count, Whole
from metalearn_course.cli.signatures import add_options as add_keywords
from metalearn_course.cli.signatures import made
from metalearn_course.evaluation import calibration
from metalearn_course.learners import ABML, Learner
from metalearn_course.ledger import records


@dataclass(kw_only=True)
class Options(runs.Measuring):
    """What `calibrate` takes.

    samples: draws of ABML's weights; 0: the posterior's mean alone
    n_validation: validation episodes that a temperature is fitted to
    record: write the result to the ledger's folder calibration under this name
    """

    samples: Whole | None = None
    n_validation: Count = 100
    record: str | None = None


def add_options(parser) -> None:
    add_keywords(parser, Options)


def run(args) -> None:
    """Print the errors of the probabilities as they are, and at the temperature that validation classes choose."""
    options = made(Options, args)
    options.use()
    if options.record is not None:
        records.check_name(options.record)
    known = runs.trained(options.run, options.device)
    learner, sampler = known.learner, runs.episodes(known, options)
    draws, norm = _draws(learner, options.samples), calibration.inductive_norm(learner)
    learner.batching = "loop" if options.device == "cpu" else "vmap"  # with so many queries a CPU is faster in a loop
    validation = runs.validation_at_home(known, options)  # a learner does not know where it will be asked
    validated = calibration.predictions(learner, validation, options.n_validation, norm, **draws)
    temperature = calibration.fit_temperature(*validated)
    found = calibration.answers(learner, sampler, options.n_episodes, norm, **draws)
    figures = records.calibration_figures(found)
    tempered = {"temperature": round(temperature, 4)} | records.calibration_figures(found.at(temperature))
    for each in (figures, tempered):
        print(", ".join(f"{name} {value:.4f}" for name, value in each.items()))
    if options.record is not None:
        measured = runs.asked(known, sampler, options) | dict(norm=norm, test=draws) | figures
        measured |= dict(tempered=tempered | {"n_validation": options.n_validation}, command=args.typed)
        records.record_measured("calibration", options.record, measured)


def _draws(learner: Learner, samples: int | None) -> dict:
    """The option of a Bayesian learner that says how many draws of the weights make a prediction."""
    if samples is not None and not isinstance(learner, ABML):
        raise ValueError(f"--samples {samples}: {type(learner).__name__} has no posterior to draw from")
    return {} if samples is None else {"samples": samples}
