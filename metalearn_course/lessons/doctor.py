"""What this computer has for the course, and what to do where something is missing."""

import os
import platform
import sys
import tempfile
from typing import NamedTuple

import torch

from metalearn_course import datasets
from metalearn_course.datasets import cache, omniglot
from metalearn_course.lessons import sizes


class Finding(NamedTuple):
    """One thing that was looked at; `remedy` is empty where nothing has to be done."""

    name: str
    found: str
    remedy: str = ""


def report() -> list[Finding]:
    """Look at Python, PyTorch, the device, the profile, the cache and both datasets. Never raises."""
    return [_safely(name, look) for name, look in LOOKS.items()]


def show() -> None:
    """Print the report, a line a finding, with the remedy below."""
    for finding in report():
        print(f"{'!' if finding.remedy else ' '} {finding.name:10} {finding.found}")
        if finding.remedy:
            print(f"  {'':10} → {finding.remedy}")


def _safely(name: str, look) -> Finding:
    try:
        return Finding(name, *look())
    except Exception as error:  # a report that stops at the first fault would hide the others
        return Finding(
            name, f"{type(error).__name__}: {error}", "the message above says what is wrong; mend that first"
        )


def _python() -> tuple:
    found = f"{platform.python_version()} on {platform.system()}"
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return (found,)
    return found, "the course is tested with 3.11 to 3.13; run `make lab PYTHON=python3.12` with one of those"


def _torch() -> tuple:
    return (f"{torch.__version__}, {torch.get_num_threads()} threads of {os.cpu_count()} cores",)


def _device() -> tuple:
    if torch.cuda.is_available():
        return (f"{torch.cuda.device_count()} GPU: {torch.cuda.get_device_name(0)}; device='cuda' uses it",)
    return ("CPU. All lessons are made for it; pretrained learners stand in for long trainings",)


def _profile() -> tuple:
    return (f"{sizes.name()}, the size of what lessons compute",)


def _cache() -> tuple:
    place = cache.folder()
    try:
        place.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        remedy = "data is prepared anew in every session; set METALEARN_CACHE to a folder that you can write to"
        return f"its folder cannot be written to ({error.strerror or error})", remedy
    return ("its folder can be written to",)


def _kanji() -> tuple:
    images = datasets.load("kanji")
    return (f"{len(images)} classes, {len(images.images):,} pictures, hash {images.hash}",)


def _omniglot() -> tuple:
    if (cache.folder() / f"{omniglot.KEY}.safetensors").exists() or os.environ.get("METALEARN_OMNIGLOT"):
        images = datasets.load("omniglot")
        return (f"{len(images)} classes, {len(images.images):,} pictures",)
    return (
        'not here, and no lesson needs it; datasets.load("omniglot") fetches it, the README says how without network',
    )


LOOKS = {
    "Python": _python,
    "PyTorch": _torch,
    "device": _device,
    "profile": _profile,
    "cache": _cache,
    "kanji": _kanji,
    "omniglot": _omniglot,
}
