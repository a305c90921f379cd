"""The ledger of measured runs, the plan of what is measured, and the pretrained learners that it keeps."""

from metalearn_course.ledger.pretrained import checkpoint_of, folder, load_learner, load_pretrained
from metalearn_course.ledger.records import (
    calibration_table,
    check_name,
    entries,
    measured,
    record,
    record_measured,
    table,
)

__all__ = ["calibration_table", "check_name", "checkpoint_of", "entries", "folder", "load_learner", "load_pretrained"]
__all__ += ["measured", "record", "record_measured", "table"]
