"""How large the lessons run: METALEARN_PROFILE is fast (CI), laptop (the default) or gpu."""

import os
from typing import TypeVar

T = TypeVar("T")
NAMES = ("fast", "laptop", "gpu")


def name() -> str:
    """The profile in force."""
    found = os.environ.get("METALEARN_PROFILE", "laptop")
    if found not in NAMES:
        raise ValueError(f"METALEARN_PROFILE={found!r}: choose one of {', '.join(NAMES)}")
    return found


def pick(fast: T, laptop: T, gpu: T) -> T:
    """The value for the profile in force."""
    return {"fast": fast, "laptop": laptop, "gpu": gpu}[name()]
