"""`metalearn results`: print the ledger of measured runs."""

from metalearn_course.ledger import records


def add_options(parser) -> None:
    """It has none."""


def run(args) -> None:
    print(f"{records.table()}\n\n{records.calibration_table()}")
