"""One MAML meta-step on a CPU: one process against two.

    python benchmarks/ranks.py

5-way 1-shot, 1 inner step, 5 queries a class, 16 tasks, stride-2 Conv4-64, second order, as in
training.fit. One process has all threads; each of two has one.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from metalearn_course import datasets, nets, ranks, training
from metalearn_course.learners import MAML
from metalearn_course.sampling import EpisodeSampler

STEPS = 60


def measure() -> None:
    """Print the milliseconds of a step, the median of the later ones."""
    torch.manual_seed(0)
    pictures = torch.randint(0, 256, (1000, 1, 28, 28), dtype=torch.uint8)
    images = datasets.from_tensors("noise", pictures, [20] * 50, [f"c{i}" for i in range(50)])
    learner = MAML(nets.Conv4(), n_way=5)
    with ranks.process_group():
        history = training.fit(learner, EpisodeSampler(images, 5, 1, 5), STEPS, progress=False)
        if ranks.rank() == 0:
            ends = torch.tensor([record["seconds"] for record in history.records])
            print(1000 * ends.diff()[10:].median().item())


def main() -> None:
    if "--measure" in sys.argv:
        measure()
        return
    script = str(Path(__file__).resolve())
    one = [sys.executable, script, "--measure"]
    two = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        __file__,
        "--measure",
    ]
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, command in (("one process", one), ("two processes", two), ("one process, again", one)):
            out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(folder)).stdout
            found[name] = float(out.split()[-1])
            print(f"{name:20} {found[name]:6.0f} ms a meta-step")
    best = min(found["one process"], found["one process, again"])
    print(f"two processes are {best / found['two processes']:.2f} times as fast")


if __name__ == "__main__":
    main()
