"""One MAML meta-step on a CPU: tasks in a loop or in a vmap, in one process or in two.

    python benchmarks/ranks.py

5-way 1-shot, 1 inner step, 5 queries a class, 16 tasks, stride-2 Conv4-64, second order, as in
training.fit. Two processes have one thread each.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from metalearn_course import datasets, nets, training
from metalearn_course.learners import MAML
from metalearn_course.sampling import EpisodeSampler
from metalearn_course.training import ranks

STEPS = 60
SCRIPT = str(Path(__file__).resolve())
LAUNCHERS = {
    "one process, one thread": (1, [sys.executable]),
    "one process, two threads": (2, [sys.executable]),
    "two processes": (1, [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]),
}


def measure(batching: str) -> None:
    """Print the milliseconds of a step, the median of the later ones."""
    torch.manual_seed(0)
    pictures = torch.randint(0, 256, (1000, 1, 28, 28), dtype=torch.uint8)
    images = datasets.from_tensors("noise", pictures, [20] * 50, [f"c{i}" for i in range(50)])
    learner = MAML(nets.Conv4(), n_way=5)
    learner.batching = batching
    with ranks.process_group():
        history = training.fit(learner, EpisodeSampler(images, 5, 1, 5), STEPS, progress=False)
        if ranks.rank() == 0:
            ends = torch.tensor([record["seconds"] for record in history.records])
            print(1000 * ends.diff()[10:].median().item())


def main() -> None:
    if len(sys.argv) > 1:
        measure(sys.argv[1])
        return
    print(f"{'milliseconds a meta-step':26}{'loop':>8}{'vmap':>8}")
    for name, (threads, launcher) in LAUNCHERS.items():
        found = [_run([*launcher, SCRIPT, batching], threads) for batching in ("loop", "vmap")]
        print(f"{name:26}{found[0]:8.0f}{found[1]:8.0f}")


def _run(command: list[str], threads: int) -> float:
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    with tempfile.TemporaryDirectory() as folder:
        out = subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=folder, env=environment, encoding="utf-8"
        ).stdout
    return float(out.split()[-1])


if __name__ == "__main__":
    main()
