"""`metalearn predict --support FOLDER --query FILES`: name pictures after a few examples per class."""

import argparse
import json
import sys
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from metalearn_course import datasets
from metalearn_course.applications import rejection
from metalearn_course.applications.own_files import Queries, read_queries, read_support
from metalearn_course.applications.own_pictures import Answer, OwnClassifier, usual_learner
from metalearn_course.cli import runs
from metalearn_course.cli.options import Machine
from metalearn_course.cli.signatures import add_options as add_keywords
from metalearn_course.cli.signatures import made
from metalearn_course.learners import Learner

HELD_OUT = {1: "kanji", 3: "emoji"}  # what a threshold is measured on, by the channels of the learner's pictures


def share(text: str) -> float:
    """The type of an option between 0 and 1."""
    if not 0 < float(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no share between 0 and 1")
    return float(text)


@dataclass(kw_only=True)
class Options(Machine):
    """What `predict` takes.

    support: a folder with one folder of pictures per class, one to five each will do
    query: the pictures to name, in any format, size and colour
    learner: folder of a run, or the name of a ledger entry (default: emoji-protonet-5w1s for pictures in
        colour, omniglot-protonet-5w1s for grey ones)
    none_of_these: answer "none of these" where a picture is less familiar than all but this share of pictures
        of known classes, such as 0.05; measured on classes that the learner has never seen
    json: print a list of {file, class, probability} instead of a table; class is null for none of these, and
        probability then that of the most probable class
    """

    support: str | None = None
    query: tuple[str, ...] | None = None
    learner: str | None = None
    none_of_these: Annotated[float, share] | None = None
    json: bool = False


def add_options(parser) -> None:
    add_keywords(parser, Options)


def run(args) -> None:
    """Print a name and a probability for every picture that can be read; say of each other one why not."""
    options = made(Options, args)
    options.use()
    if options.support is None or options.query is None:
        raise ValueError("give --support FOLDER, with one folder of pictures per class, and --query FILES")
    classifier, queries = _classifier(options, options.support, options.query)
    for file, reason in queries.refused.items():
        print(f"{file}: {reason}", file=sys.stderr)
    if not queries.files:
        raise ValueError("none of the pictures to name can be read")
    if options.none_of_these is not None:
        rejection.promise(classifier, _held_out(classifier.learner), options.none_of_these)
    answers = list(zip(queries.files, classifier.predict(queries.pixels)))
    print(_as_json(answers) if options.json else _as_table(answers))


def _classifier(options: Options, folder: str, files: tuple[str, ...]) -> tuple[OwnClassifier, Queries]:
    """The learner adapted to the support, and the queries in the form that it takes."""
    learner = None if options.learner is None else runs.trained(options.learner, options.device).learner
    say = partial(print, file=sys.stderr)
    if learner is None:
        channels = next(iter(read_support(folder).pictures.values())).shape[1]
        learner = usual_learner(channels).to(options.device)
    channels, size = learner.net.in_channels, learner.net.image_size
    support = read_support(folder, size, channels, say)
    return OwnClassifier(learner, support.pictures), read_queries(files, size, channels, support)


def _held_out(learner: Learner) -> datasets.ImageClasses:
    """Embedded classes that the learner was not trained on."""
    channels, size = learner.net.in_channels, learner.net.image_size
    return datasets.load(HELD_OUT[channels], size=size, channels=channels).split(seed=0)[2]


def _as_json(answers: list[tuple[str, Answer]]) -> str:
    rows = [
        dict(file=file, probability=round(answer.probability, 4)) | {"class": answer.name} for file, answer in answers
    ]
    return json.dumps([{key: row[key] for key in ("file", "class", "probability")} for row in rows], indent=2)


def _as_table(answers: list[tuple[str, Answer]]) -> str:
    rows = [(file, answer.name or "none of these", f"{100 * answer.probability:.1f} %") for file, answer in answers]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join(f"{file:{widths[0]}}  {name:{widths[1]}}  {p:>{widths[2]}}" for file, name, p in rows)
