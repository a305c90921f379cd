"""What the tests share: the real datasets where they are at hand, and small made ones."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from metalearn_course import datasets
from metalearn_course.datasets import from_tensors

# METALEARN_TESTS=long tries many more generated inputs than the usual run has time for.
settings.register_profile("usual", max_examples=200, deadline=None)
settings.register_profile("long", max_examples=10_000, deadline=None)
settings.load_profile(os.environ.get("METALEARN_TESTS") or "usual")


@pytest.fixture(scope="session")
def kanji():
    """The embedded characters, from the user's own cache: drawn at most once a machine."""
    return datasets.load("kanji")


@pytest.fixture(scope="session")
def emoji():
    """The embedded drawings in colour."""
    return datasets.load("emoji")


@pytest.fixture(scope="session")
def omniglot_root():
    """A folder with the official archives; these are never part of the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data" / "omniglot"
    root = Path(os.environ.get("METALEARN_OMNIGLOT") or beside).expanduser()
    if not root.is_dir():
        pytest.skip(f"needs Omniglot, and there is no {root}: set METALEARN_OMNIGLOT to the folder with its archives")
    return root


@pytest.fixture(scope="session")
def omniglot(omniglot_root):
    return datasets.load("omniglot", root=omniglot_root)


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """An empty cache folder for one test."""
    monkeypatch.setenv("METALEARN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def numbered():
    """Makes classes with the given counts whose pictures tell their row: pixels row // 256 and row % 256."""

    def make(counts, groups=None, **options):
        rows = torch.arange(sum(counts))
        images = torch.stack((rows // 256, rows % 256), -1).to(torch.uint8).view(-1, 1, 1, 2)
        names = [f"class {c}" for c in range(len(counts))]
        return from_tensors("numbered", images.expand(-1, -1, 2, -1).contiguous(), counts, names, groups, **options)

    return make


@pytest.fixture
def rows_of():
    """Reads the rows back from pictures (..., 1, 2, 2) in [0, 1] of `numbered`."""

    def read(x):
        pixels = (x[..., 0, 0, :] * 255).round().long()
        return pixels[..., 0] * 256 + pixels[..., 1]

    return read


@pytest.fixture
def noisy():
    """Eight classes of three unlike pictures, 5x5, which no turn leaves as they are."""
    pixels = torch.randint(256, (24, 1, 5, 5), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return from_tensors("noisy", pixels, [3] * 8, [f"class {c}" for c in range(8)])


@pytest.fixture
def float64():
    """Doubles for everything that a test makes."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
