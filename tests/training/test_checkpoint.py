"""Checkpoints: exact, whole or not at all, and nothing in them is code."""

import json
import os
import pickle

import pytest
import torch
from helpers import assert_same_tensors, samplers, tiny_maml

from metalearn_course.common import storage
from metalearn_course.training import checkpoint

TENSORS = {
    "matrix": torch.randn(3, 4),
    "double": torch.tensor([1 / 3], dtype=torch.float64),
    "half": torch.randn(5).bfloat16(),
    "scalar": torch.tensor(7),
    "empty": torch.empty(0, 2),
    "turned": torch.randn(3, 4).T,
    "odd": torch.tensor([float("nan"), float("inf"), -0.0]),
}
INFO = {"step": 3, "names": ["a", "ü"], "rate": 0.1, "none": None, "deep": {"flag": True}}


def bits(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8)


def trained(optimizer, n_steps=2, learner=None, stepper=None):
    """A learner after a few steps, and its optimiser."""
    learner = learner or tiny_maml()
    stepper = stepper or optimizer([p for p in learner.parameters() if p.requires_grad])
    for step in range(n_steps):
        stepper.zero_grad()
        learner.accumulate_gradient(samplers()[0].sample_tasks(0, step, range(2)))
        stepper.step()
    return learner, stepper


def test_tensors_and_info_come_back_as_they_were(tmp_path):
    storage.write(tmp_path / "a", TENSORS, INFO)
    tensors, info = storage.read(tmp_path / "a")
    assert info == INFO
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype and tensors[name].shape == tensor.shape
        assert torch.equal(bits(tensors[name]), bits(tensor))


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda p: torch.optim.Adam(p, lr=0.01),
        lambda p: torch.optim.AdamW(p, lr=0.01, amsgrad=True),
        lambda p: torch.optim.SGD(p, lr=0.01),
        lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
    ],
    ids=["Adam", "AdamW", "SGD", "momentum"],
)
def test_a_learner_and_its_optimiser_go_on_as_if_nothing_had_been(tmp_path, optimizer):
    learner, stepper = trained(optimizer)
    checkpoint.save(tmp_path / "a", learner, {}, stepper)
    tensors, _ = storage.read(tmp_path / "a")
    other = tiny_maml(seed=1)
    again = optimizer([p for p in other.parameters() if p.requires_grad])
    checkpoint.restore_learner(other, tensors)
    checkpoint.restore_optimizer(again, tensors)
    for index, state in stepper.state_dict()["state"].items():
        found = again.state_dict()["state"][index]
        assert {k: (v.dtype, v.tolist()) for k, v in found.items()} == {
            k: (v.dtype, v.tolist()) for k, v in state.items()
        }
    trained(None, 3, learner, stepper), trained(None, 3, other, again)
    assert_same_tensors(other.state_dict(), learner.state_dict())


def test_a_checkpoint_without_an_optimiser_has_weights_alone(tmp_path):
    learner = tiny_maml()
    checkpoint.save(tmp_path / "a", learner, INFO)
    tensors, _ = storage.read(tmp_path / "a")
    assert_same_tensors(tensors, {f"learner.{name}": tensor for name, tensor in learner.state_dict().items()})


def test_nothing_is_pickled_or_unpickled(tmp_path, monkeypatch):
    for name in ("dump", "dumps", "load", "loads", "Pickler", "Unpickler"):
        monkeypatch.setattr(pickle, name, lambda *args, **kwargs: pytest.fail("pickle"))
    learner, stepper = trained(torch.optim.Adam)
    checkpoint.save(tmp_path / "a", learner, INFO, stepper)
    storage.read(tmp_path / "a")
    content = (tmp_path / "a").read_bytes()  # safetensors: a length, JSON, and numbers
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert json.loads(header["__metadata__"]["info"]) == INFO


def test_a_file_that_would_be_unpickled_is_refused(tmp_path):
    torch.save(tiny_maml().state_dict(), tmp_path / "a")
    with pytest.raises(ValueError, match="damaged or not ours"):
        storage.read(tmp_path / "a")


@pytest.mark.parametrize("broken", ["os.replace", "os.fsync"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=["full", "interrupted"])
def test_a_write_that_fails_leaves_the_previous_file_whole(tmp_path, monkeypatch, broken, error):
    storage.write(tmp_path / "a", {"x": torch.zeros(2)}, {"step": 1})

    def fail(*args):
        raise error

    with monkeypatch.context() as patch, pytest.raises(type(error)):
        patch.setattr(broken, fail)
        storage.write(tmp_path / "a", {"x": torch.ones(2)}, {"step": 2})
    tensors, info = storage.read(tmp_path / "a")
    assert tensors["x"].tolist() == [0, 0] and info == {"step": 1}
    assert os.listdir(tmp_path) == ["a"]


def test_any_damage_is_noticed(tmp_path):
    storage.write(tmp_path / "a", {"x": torch.arange(4.0)}, {"step": 1})
    whole = (tmp_path / "a").read_bytes()
    damaged = [whole[:n] for n in (0, 4, 40, len(whole) - 1)] + [whole + b"more"]
    damaged += [whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :] for i in range(len(whole) - 16, len(whole))]
    for content in [*damaged, whole.replace(rb"\"step\": 1", rb"\"step\": 2")]:
        assert content != whole
        (tmp_path / "a").write_bytes(content)
        with pytest.raises(ValueError, match="a is damaged"):
            storage.read(tmp_path / "a")


def test_weights_of_another_learner_are_not_taken():
    tensors = {f"learner.{name}": t for name, t in tiny_maml(n_way=4).state_dict().items()}
    with pytest.raises(RuntimeError, match="size mismatch"):
        checkpoint.restore_learner(tiny_maml(n_way=3), tensors)
