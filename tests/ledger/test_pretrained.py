"""Learners from checkpoints: the course's by name, a reader's own into one made the same way."""

import json

import pytest
import torch
from foreign_nets import FOREIGN, wrapped
from helpers import assert_same_tensors, remembered, samplers, small_run, tiny_maml
from safetensors.torch import save_file
from torch import nn

from metalearn_course import nets, sampling, training
from metalearn_course.common import storage
from metalearn_course.datasets import transforms
from metalearn_course.functional import prototypes
from metalearn_course.learners import MAML, Learner, ProtoNet, load_learner

SETTINGS = dict(n_tasks=2, lr=0.01, progress=False)


def samplers_for(net) -> list[sampling.EpisodeSampler]:
    """Easy pictures, grey or in colour as the net takes them."""
    parts = [transforms.convert(sampler.images, channels=net.in_channels) for sampler in samplers()]
    return [sampling.EpisodeSampler(part, 3, 1, 2) for part in parts]


@pytest.mark.parametrize("kind", [ProtoNet, MAML])
@pytest.mark.parametrize("name", FOREIGN)
def test_a_learner_on_a_foreign_net_is_trained_saved_loaded_and_adapted(name, kind, tmp_path):
    learner = kind(wrapped(name), 3)
    train, validation, test = samplers_for(learner.net)
    before = {n: p.clone() for n, p in learner.net.named_parameters()}
    history = training.fit(
        learner, train, 2, validate=validation, validate_every=2, n_validation=2, out=tmp_path, **SETTINGS
    )
    assert torch.tensor(history.losses).isfinite().all()
    assert any(not torch.equal(p, before[n]) for n, p in learner.net.named_parameters())
    with pytest.raises(ValueError, match=r"Wrapped is not among the nets.*load_learner\(path, into=learner\)"):
        load_learner(tmp_path)
    into = kind(wrapped(name, seed=1), 3)
    again, info = load_learner(tmp_path, into=into)
    assert again is into and info["step"] == 2 and remembered(again.trained_on) == remembered(learner.trained_on)
    task = test.sample_tasks(0, 0, [0]).task(0)
    for norm in learner.norms:
        found, wanted = (each.adapt(task.support, norm=norm)(task.query.x) for each in (again, learner))
        assert torch.equal(found, wanted) and found.isfinite().all()


class Own(Learner):
    """The two functions, and nothing else."""

    def __init__(self, width: int = 4):
        super().__init__(n_way=3)
        self.body = nn.Sequential(nn.Conv2d(1, width, 3, stride=3), nn.ReLU(), nn.Flatten())

    def adapt_state(self, support, *, n_way=None, norm=None, noise=()):
        return prototypes(self.body(support.x), support.y, n_way or self.n_way)

    def logits(self, state, x):
        return -torch.cdist(self.body(x), state).pow(2)


def test_a_learner_of_ones_own_is_two_functions(tmp_path):
    torch.manual_seed(0)
    train, validation, test = samplers()
    options = SETTINGS | dict(validate=validation, validate_every=2, n_validation=2, save_every=1)
    learner = Own()
    training.fit(learner, train, 4, out=tmp_path / "parts", **options | {"decay": 0})
    longer = Own()
    history = training.fit(longer, train, 6, out=tmp_path / "parts", **options | {"decay": 0})  # resumed
    assert len(history.losses) == 6
    with pytest.raises(ValueError, match="Own is not among the learners"):
        load_learner(tmp_path / "parts")
    again, _ = load_learner(tmp_path / "parts" / "last.safetensors", into=Own())
    task = test.sample_tasks(0, 0, [0]).task(0)
    assert torch.equal(again.adapt(task.support)(task.query.x), longer.adapt(task.support)(task.query.x))
    with pytest.raises(ValueError, match="width is 4 there and 8 here"):
        load_learner(tmp_path / "parts", into=Own(8))
    with pytest.raises(ValueError, match="other settings.*learner.width"):
        training.fit(Own(8), train, 8, out=tmp_path / "parts", **options)


def test_a_net_of_ones_own_with_a_name_of_the_course_is_not_taken_for_it(tmp_path):
    class Conv4(nets.Conv4):
        pass

    small_run(tmp_path, learner=MAML(Conv4(hidden=4, image_size=16), 3))
    with pytest.raises(ValueError, match="Conv4 is not among the nets"):
        load_learner(tmp_path)


def test_the_folder_of_a_run_means_its_best_checkpoint_else_its_last(tmp_path):
    small_run(tmp_path / "validated")
    small_run(tmp_path / "plain", validate=None)
    for folder, file in (("validated", "best"), ("plain", "last")):
        found, wanted = load_learner(tmp_path / folder), load_learner(tmp_path / folder / f"{file}.safetensors")
        assert_same_tensors(found[0].state_dict(), wanted[0].state_dict())
        assert found[1]["step"] == wanted[1]["step"]


def test_what_is_no_checkpoint_is_answered_in_words(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no best.safetensors and no last.safetensors in"):
        load_learner(tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match="no a.safetensors at"):
        load_learner(tmp_path / "a.safetensors")
    save_file({"x": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(ValueError, match="damaged or not ours"):
        load_learner(tmp_path / "foreign.safetensors")
    for info in ({"step": 1}, {"setup": {}, "trained_on": None}):
        storage.write(tmp_path / "other.safetensors", {"x": torch.zeros(2)}, info)
        with pytest.raises(ValueError, match="other.safetensors (holds no learner|is not the checkpoint)"):
            load_learner(tmp_path / "other.safetensors")


def test_weights_that_do_not_fit_are_refused_in_words(tmp_path):
    small_run(tmp_path)
    path = tmp_path / "last.safetensors"
    tensors, info = storage.read(path)
    with pytest.raises(ValueError, match="n_way is 3 there and 4 here"):
        load_learner(path, into=tiny_maml(n_way=4))
    info = json.loads(json.dumps(info).replace('"hidden": 4', '"hidden": 5'))
    storage.write(path, tensors, info)
    with pytest.raises(ValueError, match="do not fit the learner"):
        load_learner(path)
