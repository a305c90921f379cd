"""Prototypical Networks on one CPU thread: the step against easyfsl, and the network against the usual one.

    pip install --no-deps easyfsl==1.5.0    # only for the comparison with it; no dependency of the course
    python benchmarks/protonet.py [--root FOLDER] [--minutes 1.5]

Episodes are Omniglot's, 30-way 1-shot with 5 queries a class: 180 pictures. Times are those of the
processor, on which other programs of a shared machine weigh less, and what is compared takes turns.

The step: easyfsl sends support and queries through the backbone one after the other, so each has
statistics of its own, as with our norm="query". Our default, norm="running", trains on both as one batch.
easyfsl scores by the distance and not, as the paper does, by its square; losses and gradients are
compared with its scores squared.

The network: all train in turns for the same time, on one task a step, and are scored on validation classes. The
usual network is normalised with nn.BatchNorm2d's running averages then, and Conv4 with norm="running".
"""

import argparse
import copy
import os
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._pytree import tree_map

from metalearn_course import datasets, nets
from metalearn_course.episode import Episode
from metalearn_course.evaluation.accuracy import evaluate
from metalearn_course.learners import ProtoNet
from metalearn_course.sampling import EpisodeSampler
from metalearn_course.training.loop import CALIBRATION

try:
    from easyfsl.methods import PrototypicalNetworks
except ImportError:
    PrototypicalNetworks = None

N_WAY, K_SHOT, N_QUERY = 30, 1, 5
LR, DECAY = 1e-3, 0.3
WARM_UP, ROUNDS = 10, 100


class UsualNet(nn.Sequential):
    """Convolution, normalisation, ReLU, max-pool, four times: what most repositories have."""

    def __init__(self):
        blocks = [
            nn.Sequential(nn.Conv2d(a, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2))
            for a in (1, 64, 64, 64)
        ]
        super().__init__(*blocks, nn.Flatten())

    def forward(self, x, stats=None):  # it keeps its statistics to itself
        return super().forward(x)


NETS = {
    "Conv4, stride (our default)": nets.Conv4,
    "Conv4, max": lambda: nets.Conv4(downsample="max"),
    "conv-norm-ReLU-pool": UsualNet,
}


class Ours:
    """Training steps of this course's ProtoNet."""

    def __init__(self, net: nn.Module, norm: str = "running"):
        self.learner = ProtoNet(net, N_WAY, norm=norm)
        self.optimizer = torch.optim.Adam(self.learner.parameters(), lr=LR)

    def gradient(self, episodes: Episode) -> torch.Tensor:
        self.optimizer.zero_grad()
        return self.learner.accumulate_gradient(episodes)

    def step(self, episodes: Episode) -> None:
        self.gradient(episodes)
        self.optimizer.step()


class Easyfsl(Ours):
    """Training steps of easyfsl's, as its tutorials write them; `power` 2 squares its distances."""

    def __init__(self, net: nn.Module, power: int = 1):
        self.learner, self.power = PrototypicalNetworks(net), power
        self.optimizer = torch.optim.Adam(self.learner.parameters(), lr=LR)

    def gradient(self, episodes: Episode) -> torch.Tensor:
        support, query = episodes.task(0).support, episodes.task(0).query
        self.optimizer.zero_grad()
        self.learner.process_support_set(support.x, support.y)
        scores = self.learner(query.x)
        loss = F.cross_entropy(-(scores.abs() ** self.power) if self.power > 1 else scores, query.y)
        loss.backward()
        return loss.detach()


def take_turns(jobs: dict) -> dict[str, list[float]]:
    """Milliseconds of every job, ROUNDS times each, by turns."""
    times = {name: [] for name in jobs}
    for i in range(WARM_UP + ROUNDS):
        for name, job in jobs.items():
            started = time.process_time()
            job()
            if i >= WARM_UP:
                times[name].append(1000 * (time.process_time() - started))
    return times


def compare_steps(sampler: EpisodeSampler) -> None:
    episodes, net = sampler.sample_tasks(0, 0, [0]), nets.Conv4()
    sides = {
        "ours, norm='running'": Ours(copy.deepcopy(net)),
        "ours, norm='query'": Ours(copy.deepcopy(net), "query"),
    }
    if PrototypicalNetworks is None:
        print("easyfsl is not here, its row is left out: pip install --no-deps easyfsl==1.5.0")
    else:
        sides["easyfsl"] = Easyfsl(copy.deepcopy(net))
        print(agreement(net, episodes))
    print(f"\n{'milliseconds a step':30}{'median':>10}{'quartiles':>16}")
    for name, times in take_turns({name: lambda s=side: s.step(episodes) for name, side in sides.items()}).items():
        low, middle, high = statistics.quantiles(times, n=4)
        print(f"{name:30}{middle:10.1f}{f'{low:.1f} to {high:.1f}':>16}")


def agreement(net: nn.Module, episodes: Episode) -> str:
    """What lies between our norm="query" and easyfsl with its distances squared, in float64."""
    episodes = tree_map(lambda tensor: tensor.double() if tensor.is_floating_point() else tensor, episodes)
    found = []
    for side in (Ours(copy.deepcopy(net).double(), "query"), Easyfsl(copy.deepcopy(net).double(), power=2)):
        loss = side.gradient(episodes).item()
        found.append((loss, torch.cat([p.grad.flatten() for p in side.learner.parameters()])))
    (loss, grad), (other, other_grad) = found
    off = (grad - other_grad).norm() / grad.norm()
    return (
        f"float64, ours and easyfsl (squared): loss {loss:.9f} and {other:.9f}, gradients {off:.0e} of their norm apart"
    )


def compare_nets(sampler: EpisodeSampler, validate: EpisodeSampler, minutes: float) -> None:
    episodes = sampler.sample_tasks(0, 0, [0])
    torch.manual_seed(0)
    sides = {name: Ours(make()) for name, make in NETS.items()}
    n_pictures = N_WAY * (K_SHOT + N_QUERY)
    times = take_turns({name: lambda s=side: s.gradient(episodes) for name, side in sides.items()})
    sides = {name: Ours(make()) for name, make in NETS.items()}
    steps = train(sides, sampler, 60 * minutes)
    after = f"after {minutes:g} min"
    print(f"\n{'':30}{'pictures a second':>18}{'quartiles':>18}{'steps':>8}{after:>22}")
    for name, side in sides.items():
        low, middle, high = (1000 * n_pictures / t for t in statistics.quantiles(times[name], n=4)[::-1])
        side.learner.eval()
        if side.learner.channels:  # nn.BatchNorm2d has measured all along
            side.learner.calibrate(sampler.sample_tasks(0, steps[name], range(CALIBRATION)))
        score = evaluate(side.learner, validate, 200)
        found = f"{100 * score.accuracy:.2f} % ± {100 * score.ci95:.2f}"
        print(f"{name:30}{middle:18,.0f}{f'{low:,.0f} to {high:,.0f}':>18}{steps[name]:8}{found:>22}")


def train(sides: dict[str, Ours], sampler: EpisodeSampler, seconds: float) -> dict[str, int]:
    """Train each for `seconds` of its own, by turns, with the schedule of training.fit; returns the steps made."""
    spent, steps = dict.fromkeys(sides, 0.0), dict.fromkeys(sides, 0)
    while unfinished := [name for name in sides if spent[name] < seconds]:
        name = min(unfinished, key=spent.get)
        started, side = time.process_time(), sides[name]
        side.optimizer.param_groups[0]["lr"] = LR * min(1.0, (1 - spent[name] / seconds) / DECAY)
        side.step(sampler.sample_tasks(0, steps[name], [0]))
        spent[name] += time.process_time() - started
        steps[name] += 1
    return steps


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--root", default=None, help="folder with images_background.zip and images_evaluation.zip")
    options.add_argument("--minutes", type=float, default=1.5, help="of training for each network (default: 1.5)")
    args = options.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    images = datasets.load("omniglot", args.root or os.environ["METALEARN_OMNIGLOT"])
    train_classes, validation, _ = images.split(0)
    sampler = EpisodeSampler(train_classes.with_rotations(), N_WAY, K_SHOT, N_QUERY)
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; one thread")
    compare_steps(sampler)
    compare_nets(sampler, EpisodeSampler(validation, 5, 1, 15), args.minutes)


if __name__ == "__main__":
    main()
