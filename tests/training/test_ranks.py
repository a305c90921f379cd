"""Two processes agree with one, to the last digits of float64, however the tasks are dealt out.

This file is also the script that torchrun starts: `cases` runs in both, and the tests compare.
"""

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch

if __name__ == "__main__":  # started by torchrun, which knows nothing of pytest's paths
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]
from helpers import Noisy, samplers, tiny_maml
from small_learners import MAKE, made
from torch.utils._pytree import tree_map

from metalearn_course import training
from metalearn_course.common import storage
from metalearn_course.sampling import EpisodeSampler
from metalearn_course.training import ranks

RUNS = {
    "even": dict(make=tiny_maml, n_tasks=4),
    "uneven": dict(make=tiny_maml, n_tasks=5),
    "two and one": dict(make=tiny_maml, n_tasks=3),
    "noise": dict(make=Noisy, n_tasks=3),
    "clipped": dict(make=tiny_maml, n_tasks=3, clip=0.01, warm_up=3),
} | {name: dict(make=partial(made, name), n_tasks=3) for name in MAKE}


class Doubles(EpisodeSampler):
    """Pictures in float64."""

    def to(self, device):
        return self

    def gather(self, classes, numbers):
        return tree_map(lambda t: t.double() if t.is_floating_point() else t, super().gather(classes, numbers))


def train(folder: Path, make, n_tasks: int, n_steps: int, seed: int = 0, **options) -> None:
    """Keep losses and weights of a run in float64, as this process has them."""
    learner = make(seed=seed).double()
    sampler = Doubles(samplers()[0].images, 3, 1, 2)
    history = training.fit(learner, sampler, n_steps, n_tasks=n_tasks, progress=False, **options)
    found = learner.state_dict() | {"losses": torch.tensor(history.losses, dtype=torch.float64)}
    storage.write(folder.with_name(f"{folder.name} {ranks.rank()}"), found, {})


def cases(out: Path) -> None:
    """All runs; the processes start from different weights, of which those of rank 0 count."""
    for name, run in RUNS.items():
        train(out / name, n_steps=4, seed=ranks.rank(), **run)
    for n_steps in (2, 4):
        train(out / "resumed", tiny_maml, 3, n_steps, out=out / "run", save_every=1, seed=ranks.rank())
    if ranks.size() > 1:
        try:
            train(out / "few", tiny_maml, 1, n_steps=1)
        except ValueError as error:
            (out / f"error {ranks.rank()}").write_text(str(error), encoding="utf-8")


def gloo_threads() -> list[str]:
    """Names of the threads of this process that work for Gloo."""
    names = [path.read_text(encoding="utf-8").strip() for path in Path("/proc/self/task").glob("*/comm")]
    return [name for name in names if "gloo" in name]


if __name__ == "__main__":
    with ranks.process_group():
        cases(Path(sys.argv[1]))
        during = gloo_threads()
    threads = {"during": during, "after": gloo_threads()}
    Path(sys.argv[1], f"threads {os.environ['RANK']}.json").write_text(json.dumps(threads), encoding="utf-8")
    sys.exit()


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    out = tmp_path_factory.mktemp("one")
    cases(out)
    return out


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    out = tmp_path_factory.mktemp("two")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*torchrun, __file__, out], env=environment, capture_output=True, text=True, timeout=1200, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.parametrize("name", [*RUNS, "resumed"])
def test_two_processes_agree_with_one(one, two, name):
    wanted, _ = storage.read(one / f"{name} 0")
    for rank in (0, 1):
        found, _ = storage.read(two / f"{name} {rank}")
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-10)
    assert wanted["losses"].dtype == torch.float64 and len(wanted["losses"].unique()) == 4


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are named under /proc on Linux alone")
def test_no_gloo_thread_outlives_the_process_group(two):
    """One that does may meet an interpreter that is shutting down, and abort the process."""
    for rank in (0, 1):
        threads = json.loads((two / f"threads {rank}.json").read_text(encoding="utf-8"))
        assert threads["during"] != [] and threads["after"] == []


def test_both_processes_have_the_same_weights_to_the_last_bit(two):
    for name in RUNS:
        first, second = (storage.read(two / f"{name} {rank}")[0] for rank in (0, 1))
        assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_checkpoint_says_how_many_processes_there_were(one, two):
    assert [storage.read(out / "run" / "last.safetensors")[1]["ranks"] for out in (one, two)] == [1, 2]


def test_the_log_of_two_processes_has_one_line_a_step(two):
    assert len((two / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()) == 4


def test_fewer_tasks_than_processes_are_refused_everywhere(two):
    for rank in (0, 1):
        assert (two / f"error {rank}").read_text(encoding="utf-8").startswith("n_tasks=1 is less than the 2 processes")


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("n_tasks", [5, 6, 16])
def test_every_task_has_one_process(monkeypatch, size, n_tasks):
    monkeypatch.setattr(ranks, "size", lambda: size)
    dealt = []
    for rank in range(size):
        monkeypatch.setattr(ranks, "rank", lambda rank=rank: rank)
        dealt.append(ranks.my_tasks(n_tasks))
    assert [task for tasks in dealt for task in tasks] == list(range(n_tasks))
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1


def test_without_torchrun_nothing_happens(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    losses = torch.tensor([1.0, 2.0])
    with ranks.process_group():
        assert (ranks.rank(), ranks.size()) == (0, 1)
        assert ranks.combine([], losses, 2) is losses


def test_every_process_on_a_machine_takes_a_gpu_of_its_own(monkeypatch):
    calls = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "set_device", calls.append)
    monkeypatch.setattr(ranks.dist, "init_process_group", calls.append)
    monkeypatch.setattr(ranks.dist, "destroy_process_group", lambda: None)
    with ranks.process_group("cuda"):
        assert calls == [1, "nccl"]


def test_a_run_can_go_on_with_another_number_of_processes(one, two, tmp_path):
    """To rounding then, not to the bit."""
    for name, folder in (("one", one), ("two", two)):
        run = shutil.copytree(folder / "run", tmp_path / f"{name} run")
        train(tmp_path / name, tiny_maml, 3, n_steps=6, out=run)
    found, wanted = (storage.read(tmp_path / f"{name} 0")[0] for name in ("two", "one"))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-10)
