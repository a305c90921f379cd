"""A learner of a run or of the ledger, and the classes that a command measures it on."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from metalearn_course.cli.options import Drawing, Machine, Pictures, fitting_query, sampler_of
from metalearn_course.datasets import ImageClasses
from metalearn_course.learners import Learner, load_learner
from metalearn_course.ledger.pretrained import checkpoint_of, folder
from metalearn_course.sampling import EpisodeSampler

PARTS = ("train", "validation", "test")


@dataclass(kw_only=True)
class Measuring(Machine, Drawing, Pictures):
    """Which learner, and on which episodes.

    run: folder of a run, or the name of a ledger entry
    dataset: "kanji", "emoji", "omniglot", "cifar-fs" or "folder:PATH" (default: the one of the run)
    size: pixels that a picture is wide and high (default: as the learner's net has it)
    channels: 1 for grey, 3 for colour (default: as the learner's net has it)
    part: which classes of the split; all: every class there is, of pictures that the learner was not trained on
    n_way: classes per task, for learners that take any number (default: the run's)
    k_shot: pictures per class to learn from (default: as in training)
    n_query: queries per class (default: 15, or what the smallest class has left)
    n_episodes: tasks to measure on
    """

    run: str
    dataset: str | None = None
    part: Literal["train", "validation", "test", "all"] = "test"
    n_way: int | None = None
    k_shot: int | None = None
    n_query: int | None = None
    n_episodes: int = 1000


class Trained(NamedTuple):
    """A learner, where its checkpoint lies, and what the checkpoint says."""

    learner: Learner
    path: Path
    info: dict  # step, setup, what it was trained on …
    notes: dict  # of the command that trained it: command, dataset, split_seed, official …


def checkpoint(name: str) -> Path:
    """The best checkpoint of a run's folder, else its last one, or that of a ledger entry."""
    for path in (Path(name) / "best.safetensors", Path(name) / "last.safetensors", checkpoint_of(name)):
        if path and path.exists():
            return path
    raise FileNotFoundError(f"{name!r} is neither the folder of a run nor an entry of the ledger in {folder()}")


def trained(name: str, device: str) -> Trained:
    """The learner of a run or of the ledger, on a device."""
    path = checkpoint(name)
    learner, info = load_learner(path)
    learner.to(device)
    usual = dict(split_seed=0, official=False, dataset=info["setup"]["dataset"][0])
    usual["test_episode"] = info["setup"]["episode"][:2]
    return Trained(learner, path, info, usual | info["notes"])


def episodes(known: Trained, options: Measuring) -> EpisodeSampler:
    """The sampler of the classes that the options name."""
    images = _load(known, options)
    images = images if options.part == "all" else _part(known, images, options)
    _refuse_other_pictures(known, images)
    usual_way, usual_shot = known.notes["test_episode"]
    n_way = usual_way if options.n_way is None else options.n_way
    k_shot = usual_shot if options.k_shot is None else options.k_shot
    n_query = fitting_query(images, k_shot, 15) if options.n_query is None else options.n_query
    return sampler_of(options.part, images, n_way, k_shot, n_query, **options.given())


def validation_at_home(known: Trained, options: Measuring) -> EpisodeSampler:
    """The same of the validation classes of the dataset that the learner was trained on."""
    pictures = {field.name: None for field in dataclasses.fields(Pictures) if field.name != "root"}
    return episodes(known, dataclasses.replace(options, **pictures, part="validation"))


def asked(known: Trained, sampler: EpisodeSampler, options: Measuring) -> dict:
    """What a measurement says of itself in the ledger."""
    return dict(
        learner=options.run,
        steps=known.info["step"],
        dataset=sampler.images.name,
        dataset_hash=sampler.images.hash,
        part=options.part,
        n_way=sampler.n_way,
        k_shot=sampler.k_shot,
        n_query=sampler.n_query,
        n_episodes=options.n_episodes,
    )


def _load(known: Trained, options: Measuring) -> ImageClasses:
    """The pictures that were asked for, in the shape that the learner's net takes."""
    channels, size = _shape(known.learner)[:2]
    pictures: dict[str, Any] = dict(size=options.size or size, channels=options.channels or channels)
    if options.dataset in (None, known.notes["dataset"]):  # read as they were in training
        pictures["dataset"] = known.notes["dataset"]
        for name in ("invert", "depth", "at_least"):
            given = getattr(options, name)
            pictures[name] = known.notes.get(name) if given is None else given
    return dataclasses.replace(options, **pictures).load()


def _part(known: Trained, images: ImageClasses, options: Measuring) -> ImageClasses:
    """A part of the split; of the dataset that the learner was trained on, it is the training's split."""
    at_home = options.dataset in (None, known.notes["dataset"])
    sizes = known.notes.get("sizes") if at_home else None
    parts = images.split(known.notes["split_seed"], sizes, official=at_home and known.notes["official"])
    return parts[PARTS.index(options.part)]


def _shape(learner: Learner) -> tuple[int, int, int]:
    """Channels, height and width of the pictures that a learner's net takes."""
    size = learner.net.config.get("image_size", 28)
    return learner.net.config["in_channels"], size, size


def _refuse_other_pictures(known: Trained, images: ImageClasses) -> None:
    """ValueError for pictures that the net cannot take, or of a dataset that is no longer what it was in training."""
    shape, wanted = tuple(images.images.shape[1:]), _shape(known.learner)
    if shape != wanted:
        raise ValueError(f"the pictures of {images.name} are {shape}, but the learner was trained on {wanted}")
    name, hash, _ = known.info["setup"]["dataset"]
    groups = (known.learner.trained_on or {}).get("groups", ())
    if name == images.name and hash != images.hash and {*groups} & {*images.groups}:
        raise ValueError(
            f"{name} has changed since the learner was trained on it, and classes that it was trained on are among "
            "those to evaluate on now; bring the old pictures back, or train again"
        )
