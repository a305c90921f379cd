"""`metalearn reproduce`: train and measure whatever the ledger lacks."""

from dataclasses import dataclass

from metalearn_course.cli import results
from metalearn_course.cli.signatures import add_options as add_keywords
from metalearn_course.cli.signatures import made
from metalearn_course.ledger import plan, records


@dataclass(kw_only=True)
class Options:
    """What `reproduce` takes.

    list: say what is there and what is missing, and stop
    """

    list: bool = False


def add_options(parser) -> None:
    add_keywords(parser, Options)


def run(args) -> None:
    """Complete the ledger, one run after another, and print it."""
    if made(Options, args).list:
        _print_list()
        return
    plan.reproduce()
    plan.measure()
    results.run(args)


def _print_list() -> None:
    for run in plan.RUNS:
        print(f"{'missing' if run.missing() else 'there':8} {', '.join(run.entries)}")
    kinds = {"calibration": plan.calibrations, "generated": plan.augmentations, "incontext": plan.in_context}
    for kind, planned in kinds.items():
        there = records.measured(kind)
        for name in planned():
            print(f"{'there' if name in there else 'missing':8} {kind}/{name}")
