"""Classes are known by their pictures: no other name, picture or polarity makes a training class a new one."""

from dataclasses import replace

import pytest
import torch
from helpers import easy_classes, samplers, small_run, tiny_maml, write_pictures

from metalearn_course import datasets, training
from metalearn_course.common import storage
from metalearn_course.datasets import from_tensors
from metalearn_course.evaluation import evaluate, refuse_training_classes
from metalearn_course.evaluation.leakage import after_training_on, refuse_classes
from metalearn_course.learners import load_learner
from metalearn_course.sampling import EpisodeSampler

TRAIN, VALIDATION, TEST = (sampler.images for sampler in samplers())


def renamed(classes, **changes):
    """The same pictures as another dataset would have them."""
    names = tuple(f"other {c}" for c in range(len(classes)))
    return replace(classes, name="other", hash="other", names=names, groups=names, **changes)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run of one step."""
    out = tmp_path_factory.mktemp("run")
    small_run(out, 1)
    return out


@pytest.fixture
def seen():
    return after_training_on(None, TRAIN)


def test_a_renamed_folder_with_one_class_more_hides_nothing(tmp_path):
    """Its hash is another, and so is its split."""
    images = easy_classes(12, 6, size=28)
    first = datasets.load(f"folder:{write_pictures(tmp_path / 'signs', images)}")
    train, _, _ = first.split(seed=0)
    learner = tiny_maml()
    learner.trained_on = after_training_on(None, train)
    more = write_pictures(tmp_path / "more signs", images)
    write_pictures(more, replace(easy_classes(1, 6, size=28, seed=1), names=("a new one",)))
    whole = datasets.load(f"folder:{more}")
    assert whole.hash != first.hash
    with pytest.raises(ValueError, match=f"{len(train)} of the 13 classes") as refusal:
        refuse_training_classes(learner, EpisodeSampler(whole, 3, 1, 2))
    named = [name for name in whole.names if repr(name) in str(refusal.value)]
    assert len(named) == 5 and set(named) < set(train.names)
    refuse_classes(learner.trained_on, whole.select([whole.names.index("a new one")]))


@pytest.mark.parametrize(
    "other",
    [
        renamed(TRAIN),
        renamed(TRAIN.select([3])),
        renamed(TRAIN, images=255 - TRAIN.images),
        renamed(TRAIN, images=TRAIN.images.expand(-1, 3, -1, -1).contiguous()),
        renamed(TRAIN).with_rotations(),
    ],
    ids=["renamed", "one of them", "inverted", "in three channels", "turned as well"],
)
def test_another_form_of_the_training_classes_is_refused(seen, other):
    with pytest.raises(ValueError, match="of the .* classes to evaluate on were seen in training.*'other 0"):
        refuse_classes(seen, other)


def test_pictures_added_to_a_class_or_taken_from_it_do_not_make_it_a_new_one(seen):
    start, count = int(TRAIN.starts[2]), int(TRAIN.counts[2])
    own = TRAIN.images[start : start + count]
    others = torch.randint(256, (20, *own.shape[1:]), generator=torch.Generator().manual_seed(5)).byte()
    for pictures in (torch.cat([others, own]), own[: count - 2]):
        with pytest.raises(ValueError, match="1 of the 1 classes"):
            refuse_classes(seen, from_tensors("more", pictures, [len(pictures)], ["it"]))


def test_new_classes_are_accepted_also_where_both_hold_blank_pictures(seen):
    refuse_classes(seen, VALIDATION)
    refuse_classes(seen, renamed(TEST))
    blank = torch.zeros(1, 1, 16, 16, dtype=torch.uint8)
    g = torch.Generator().manual_seed(5)
    one, two = (torch.cat([blank, torch.randint(256, (3, 1, 16, 16), generator=g).byte()]) for _ in range(2))
    known = after_training_on(None, from_tensors("one", one, [4], ["a"]))
    refuse_classes(known, from_tensors("two", two, [4], ["a"]))


def test_what_looks_like_a_training_class_is_refused_within_the_dataset_and_named():
    pictures = torch.randint(256, (9, 1, 8, 8), generator=torch.Generator().manual_seed(5)).byte()
    images = from_tensors("signs", pictures, [3, 3, 3], ["未", "末", "火"], groups=["tree", "tree", "fire"])
    known = after_training_on(None, images.select([0]))
    refuse_classes(known, images.select([2]))
    with pytest.raises(ValueError, match="1 of the 2 classes .* in a group with one that was: '末'"):
        refuse_classes(known, images.select([1, 2]))


def test_all_that_was_ever_trained_on_is_remembered():
    elsewhere = easy_classes(6, 5, seed=7)
    third = renamed(easy_classes(6, 5, seed=8))
    seen = after_training_on(after_training_on(after_training_on(None, TRAIN), elsewhere), third)
    for images in (TRAIN, elsewhere, third):
        for form in (images, replace(images, hash="yet another")):
            with pytest.raises(ValueError, match=f"{len(images)} of the {len(images)} classes"):
                refuse_classes(seen, form)
    refuse_classes(seen, TEST)
    assert "picture_ids" not in seen["before"] and "picture_ids" not in seen["before"]["before"]


def test_a_checkpoint_keeps_the_ids_beside_the_weights(run):
    tensors, info = storage.read(run / "last.safetensors")
    ids = tensors["trained_on.picture_ids"]
    assert ids.dtype == torch.int64 and torch.equal(ids, TRAIN.seen_ids())
    assert info["trained_on"] == {"dataset_hash": TRAIN.hash, "groups": sorted(TRAIN.groups)}
    learner, _ = load_learner(run / "last.safetensors")
    with pytest.raises(ValueError, match="15 of the 15 classes"):
        evaluate(learner, EpisodeSampler(renamed(TRAIN), 3, 1, 2), 2)
    evaluate(learner, EpisodeSampler(renamed(TEST), 3, 1, 2), 2)


def test_a_checkpoint_from_before_pictures_were_known_is_guarded_by_its_groups(run, tmp_path):
    tensors, info = storage.read(run / "last.safetensors")
    tensors.pop("trained_on.picture_ids")
    storage.write(tmp_path / "old.safetensors", tensors, info)
    learner, _ = load_learner(tmp_path / "old.safetensors")
    with pytest.raises(ValueError, match="15 of the 15 classes"):
        evaluate(learner, EpisodeSampler(TRAIN, 3, 1, 2), 2)
    training.fit(learner, EpisodeSampler(TEST, 3, 1, 2), 1, n_tasks=1, progress=False)
    with pytest.raises(ValueError, match="10 of the 10 classes"):
        evaluate(learner, EpisodeSampler(renamed(TEST), 3, 1, 2), 2)


def test_training_refuses_validation_classes_that_it_is_trained_on_under_another_name(tmp_path):
    with pytest.raises(ValueError, match="15 of the 15 classes"):
        small_run(tmp_path / "run", 2, validate=EpisodeSampler(renamed(TRAIN), 3, 1, 2))
    assert not (tmp_path / "run").exists()
