"""The ledger's measurements of zero-shot learning: `python -m metalearn_course.applications.zero_shot_ledger NAME`.

`PLAN` has all of them by name; without a name those are made that the ledger lacks.
"""

import argparse
import functools
import time
from typing import Any

import torch

from metalearn_course.applications import zero_shot_baselines as baselines
from metalearn_course.applications import zero_shot_emoji
from metalearn_course.applications import zero_shot_evaluation as evaluation
from metalearn_course.applications import zero_shot_kanji as bench
from metalearn_course.applications.kanji_descriptions import ASPECTS
from metalearn_course.applications.zero_shot import Described, ProtoNetZero, fit
from metalearn_course.applications.zero_shot_kanji import Task
from metalearn_course.common import storage
from metalearn_course.ledger import folder, measured, record_measured

KIND = "applications"  # of measurements, and their folder in the ledger
MAIN = "kanji-protozero-400w0s"
CLASSIFIER = "kanji-classifier-400w0s"  # of which the rivals get the features
LONG, SHORT = 2800, 700  # steps: what at most six minutes and what ninety seconds of one thread are worth


def train(task: Task, seed: int, n_steps: int, **options) -> tuple[ProtoNetZero, dict]:
    """A trained learner, and how it was trained; seconds are those of the processor."""
    torch.manual_seed(seed)
    net, start = ProtoNetZero(task.train.descriptions.shape[1]), time.process_time()
    losses = fit(net, task.train, n_steps, numbers=bench.TRAINED_ON, seed=seed, progress=True, **options)
    return net, _how(net, losses, start, seed=seed, **options)


def _how(net: ProtoNetZero, losses: list[float], start: float, **options) -> dict:
    """What an entry says of a training that began at processor time `start`."""
    seconds, last = round(time.process_time() - start), losses[-100:]
    size = sum(p.numel() for p in net.parameters())
    return dict(steps=len(losses), seconds=seconds, loss=round(sum(last) / len(last), 4), parameters=size) | options


def run(
    name: str = "", aspects=ASPECTS, shuffled: bool = False, seed: int = 0, n_steps: int = SHORT, **options
) -> dict:
    """Train and measure; with a name the learner is kept in the ledger.

    shuffled: a control, in which every training class has the description of another.
    """
    task = bench.load(aspects)
    trained_on = task
    if shuffled:
        order = torch.randperm(len(task.train.images), generator=torch.Generator().manual_seed(seed))
        trained_on = task._replace(train=Described(task.train.images, task.train.descriptions[order]))
    net, how = train(trained_on, seed, n_steps, **options)
    if name:
        save(name, net, task)
    figures = bench.measure(bench.embed_task(net, task))
    return about(task) | dict(aspects=list(aspects), shuffled=shuffled, train=how) | figures


def about(task: Task) -> dict:
    """What an entry says of the task."""
    images = task.train.images
    classes = dict(zip(("train", "validation", "test"), (len(part.images) for part in task[:3])))
    return dict(dataset=images.name, dataset_hash=images.hash, classes=classes, words=len(task.columns))


def save(name: str, net: ProtoNetZero, task: Task) -> None:
    """Keep a learner beside its entry, in half precision; `load` brings it back."""
    tensors = {key: t.half() if t.is_floating_point() else t for key, t in net.state_dict().items()}
    path = folder() / KIND / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    storage.write(path, tensors, dict(config=net.config, columns=task.columns, unseen=task.test.images.names))


def load(name: str = MAIN) -> tuple[ProtoNetZero, dict[str, int]]:
    """A learner of the ledger and the columns of its words."""
    tensors, info = storage.read(folder() / KIND / f"{name}.safetensors")
    net = ProtoNetZero(**info["config"])
    net.load_state_dict({key: t.float() if t.is_floating_point() else t for key, t in tensors.items()})
    return net.eval(), info["columns"]


def classifier(name: str, seed: int = 0, n_steps: int = LONG // 2) -> dict:
    """An ordinary classifier of the training classes, whose features the rivals get: g of one word a class."""
    task = bench.load()
    named = task._replace(train=Described(task.train.images, torch.eye(len(task.train.images))))
    net, how = train(named, seed, n_steps, dropout=0.0)
    pictures = bench.embed(net, task.train.images, bench.TESTED_ON)
    right = evaluation.top(pictures @ net.prototypes(named.train.descriptions).detach().T)
    net.g = torch.nn.Linear(1, 1)  # the training classes are of no further use
    net.config["n_words"] = 1
    save(name, net, task)
    return about(task) | {"train": how, "seen": right.float().mean().item()}


@torch.no_grad()
def rivals() -> dict:
    """Every rival on the features of the classifier in the ledger, beside the main learner: all unseen classes."""
    task, (net, _), (main, _) = bench.load(), load(CLASSIFIER), load(MAIN)
    x = bench.embed(net, task.train.images, bench.TRAINED_ON)
    asked, tested = bench.embed(net, task.validation.images), bench.embed(net, task.test.images)
    ours = evaluation.top(bench.embed(main, task.test.images) @ main.prototypes(task.test.descriptions).T)
    rows = {}
    for name in baselines.GRIDS:
        with torch.enable_grad():  # some are trained
            rival, options = baselines.choose(name, x, task.train.descriptions, asked, task.validation.descriptions)
        similarity = rival(tested.flatten(0, 1), task.test.descriptions).detach().unflatten(0, tested.shape[:2])
        right = evaluation.top(similarity)
        figures = dict(top1=evaluation.over_classes(right), top5=evaluation.over_classes(evaluation.top(similarity, 5)))
        figures["behind"] = evaluation.paired(ours, right)
        rows[name] = options | {key: bench.figure(each) for key, each in figures.items()}
    return about(task) | {"features": CLASSIFIER, "beside": MAIN, "rows": rows}


def emoji(seed: int = 0, n_steps: int = 1200) -> dict:
    """Pictures in colour by many artists, described by name and keywords."""
    task = zero_shot_emoji.load()
    torch.manual_seed(seed)
    net = ProtoNetZero(len(task.columns), channels=(32, 64, 64, 64), in_channels=3, image_size=32)
    start = time.process_time()
    options: dict[str, Any] = dict(batch=128, n_way=512, dropout=0.2)
    losses = fit(net, task.train, n_steps, augment=zero_shot_emoji.augment, seed=seed, progress=True, **options)
    how = _how(net, losses, start, seed=seed, **options)
    found = bench.embed_task(net, task, chosen_on=(0, 1), tested_on=(2, 3))  # none is kept out of training
    figures = {key: figure for key, figure in bench.measure(found).items() if key != "generalised"}
    known = task.test.descriptions.sum(1)
    return about(task) | {"train": how, "without_known_word": int((known == 0).sum())} | figures


PLAN = {
    MAIN: functools.partial(run, MAIN, n_steps=LONG),
    CLASSIFIER: functools.partial(classifier, CLASSIFIER),
    "kanji-rivals-400w0s": rivals,
    f"{MAIN}-seed1": functools.partial(run, seed=1, n_steps=LONG),
    f"{MAIN}-90s": run,
    f"{MAIN}-parts": functools.partial(run, aspects=("parts",)),
    f"{MAIN}-parts-places": functools.partial(run, aspects=("parts", "places", "layout")),
    f"{MAIN}-strokes": functools.partial(run, aspects=("strokes", "count")),
    f"{MAIN}-shuffled": functools.partial(run, shuffled=True),
    f"{MAIN}-64ways": functools.partial(run, n_way=64, batch=64),
    "emoji-protozero-217w0s": emoji,
    "emoji-protozero-217w0s-seed1": functools.partial(emoji, seed=1),
}


def main() -> None:
    """Make one measurement, or all that are missing."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", nargs="?", choices=PLAN, help="of the measurement; all that are missing by default")
    chosen = parser.parse_args().name
    for name in [chosen] if chosen else [name for name in PLAN if name not in measured(KIND)]:
        command = f"python -m metalearn_course.applications.zero_shot_ledger {name}"
        print("$", command, flush=True)
        record_measured(KIND, name, PLAN[name]() | {"command": command})


if __name__ == "__main__":
    main()
