"""1,000 Omniglot 5-way 1-shot 15-query episodes: this course's sampler against a DataLoader of single pictures.

    python benchmarks/sampling.py [--root FOLDER]

The other side is what most tutorials build: a Dataset that opens, resizes and inverts one PNG per
item with PIL, and a DataLoader whose batch sampler lists the items of an episode.
"""

import argparse
import random
import tempfile
import time
import zipfile
from pathlib import Path

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.functional import pil_to_tensor

from metalearn_course import datasets, sampling

N_WAY, K_SHOT, N_QUERY = 5, 1, 15


class Pictures(Dataset):
    """One PNG an item, opened when asked for."""

    def __init__(self, folder: Path):
        self.characters = [sorted(c.glob("*.png")) for c in sorted(folder.glob("*/*/*"))]
        self.files = [file for files in self.characters for file in files]

    def __getitem__(self, index: int) -> torch.Tensor:
        picture = Image.open(self.files[index]).convert("L").resize((28, 28), Image.Resampling.LANCZOS)
        return 1 - pil_to_tensor(picture).float() / 255

    def __len__(self) -> int:
        return len(self.files)


class Episodes:
    """A batch sampler: the items of one episode after the other."""

    def __init__(self, pictures: Pictures, n_episodes: int):
        self.pictures, self.n_episodes = pictures, n_episodes

    def __iter__(self):
        starts = range(0, len(self.pictures), 20)
        for _ in range(self.n_episodes):
            classes = random.sample(starts, N_WAY)
            yield [start + i for start in classes for i in random.sample(range(20), K_SHOT + N_QUERY)]

    def __len__(self) -> int:
        return self.n_episodes


def pictures_by_loader(root: str, n_episodes: int, workers: int) -> float:
    """Seconds for n_episodes episodes through PIL and a DataLoader."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(Path(root) / "images_background.zip") as archive:
            archive.extractall(folder)
        pictures = Pictures(Path(folder))
        loader = DataLoader(pictures, batch_sampler=Episodes(pictures, n_episodes), num_workers=workers)
        started = time.perf_counter()
        for batch in loader:
            assert batch.shape == (N_WAY * (K_SHOT + N_QUERY), 1, 28, 28)
        return time.perf_counter() - started


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--root", default=None, help="folder with images_background.zip and images_evaluation.zip")
    args = options.parse_args()
    import os

    root = args.root or os.environ["METALEARN_OMNIGLOT"]
    train = datasets.load("omniglot", root).split()[0]
    for name, images in (("as they are", train), ("with rotations", train.with_rotations())):
        sampler = sampling.EpisodeSampler(images, N_WAY, K_SHOT, N_QUERY)
        times = []
        for seed in range(5):
            started = time.perf_counter()
            sampler.sample(1000, torch.Generator().manual_seed(seed))
            times.append(time.perf_counter() - started)
        print(f"1,000 episodes, {name:14}: {min(times):.2f} s at best, {sorted(times)[2]:.2f} s in the middle of five")
    for workers in (0, 2):
        seconds = pictures_by_loader(root, 100, workers) * 10
        print(f"1,000 episodes, PIL and DataLoader, {workers} workers: {seconds:.1f} s (from 100)")


if __name__ == "__main__":
    main()
