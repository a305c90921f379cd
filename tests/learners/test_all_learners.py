"""What every learner has to do, whatever it does."""

import pytest
import torch
from helpers import assert_same_tensors, samplers, without_time
from small_learners import MAKE, WITH_RUNNING, gradient, made, some_episodes
from torch.utils._pytree import tree_leaves, tree_map

from metalearn_course import nets, training
from metalearn_course.episode import LabelledSet
from metalearn_course.evaluation.accuracy import evaluate
from metalearn_course.learners import ProtoNet, load_learner

every_learner = pytest.mark.parametrize("name", MAKE)


def ready(name: str):
    """The learner with running statistics where it has any, and its noise for three tasks."""
    learner = made(name)
    learner.calibrate(some_episodes(seed=9))
    return learner, learner.noise_for(seed=0, step=0, tasks=range(3))


@every_learner
def test_gradients_are_the_same_in_chunks_in_a_loop_and_in_a_vmap(name, float64):
    learner, noise = ready(name)
    found = []
    for batching, size in (("vmap", 3), ("vmap", 2), ("loop", 3)):
        learner.zero_grad()
        learner.batching = batching
        losses = learner.accumulate_gradient(some_episodes(), noise, chunk_size=size)
        found.append((losses, gradient(learner)))
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-6, atol=1e-8)
    assert losses.shape == (3,) and not losses.requires_grad


@every_learner
def test_gradients_reach_every_parameter_that_is_learned(name):
    learner, noise = ready(name)
    learner.accumulate_gradient(some_episodes(), noise)
    silent = [n for n, p in learner.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert silent == []


@every_learner
def test_gradients_add_up(name):
    learner, noise = ready(name)
    learner.accumulate_gradient(some_episodes(), noise)
    once = gradient(learner)
    learner.accumulate_gradient(some_episodes(), noise)
    torch.testing.assert_close(gradient(learner), tree_map(lambda g: 2 * g, once))


@every_learner
def test_one_task_alone_is_adapted_to_as_in_a_batch(name, float64):
    learner, _ = ready(name)
    episodes = some_episodes()
    for norm in learner.norms:
        batch = learner.episode_logits(episodes, norm)
        predict = learner.adapt(episodes.task(1).support, norm=norm)
        torch.testing.assert_close(predict(episodes.query.x[1]), batch[1], rtol=1e-6, atol=1e-8)
        assert all(isinstance(leaf, torch.Tensor) for leaf in tree_leaves(predict.state))


@every_learner
def test_a_query_moves_no_other_prediction_in_the_inductive_modes(name, float64):
    learner, _ = ready(name)
    task = some_episodes().task(0)
    other = task.query.x.clone()
    other[0] = 1 - other[0].flip(-1)
    for norm in learner.norms:
        predict = learner.adapt(task.support, norm=norm)
        before, after = predict(task.query.x), predict(other)
        assert not torch.allclose(before[0], after[0])
        assert torch.allclose(before[1:], after[1:], rtol=0, atol=1e-9) == (norm != "query")


@pytest.mark.parametrize("name", [name for name in MAKE if not name.startswith("vilm")])  # its net stays as it is
def test_training_lowers_the_loss_and_raises_the_accuracy(name):
    learner, settings, k_shot = made(name), dict(n_steps=60, lr=0.02), 1
    if name.startswith("reptile"):
        settings, k_shot = dict(n_steps=100, lr=1.0, decay=1.0, optimizer=torch.optim.SGD), 4
    if name.startswith("incontext"):
        settings |= dict(n_steps=200, lr=0.01)  # it stays at log n_way before it learns to look
    train, _, test = samplers(k_shot=k_shot, n_query=4)
    history = training.fit(learner, train, n_tasks=4, progress=False, **settings)
    assert sum(history.losses[-20:]) < 0.9 * sum(history.losses[:20])
    score = evaluate(learner, test, 40)
    assert score.accuracy - score.ci95 > 1 / 3  # of three classes that it has never seen


@every_learner
def test_a_resumed_run_gives_the_numbers_of_one_that_never_stopped(name, tmp_path):
    train, validation, _ = samplers()
    settings = dict(n_tasks=2, validate=validation, validate_every=2, n_validation=4, save_every=1, progress=False)
    learners = [made(name), made(name), made(name, seed=1)]  # the last takes its weights from the checkpoint
    whole = training.fit(learners[0], train, 4, out=tmp_path / "whole", decay=0, **settings)
    training.fit(learners[1], train, 2, out=tmp_path / "parts", decay=0, **settings)
    parts = training.fit(learners[2], train, 4, out=tmp_path / "parts", decay=0, **settings)
    assert without_time(parts) == without_time(whole)
    assert_same_tensors(learners[2].state_dict(), learners[0].state_dict())


@every_learner
def test_a_saved_learner_gives_the_same_logits(name, tmp_path):
    learner, (train, _, test) = made(name), samplers()
    training.fit(learner, train, 2, n_tasks=2, out=tmp_path, progress=False)
    again, _ = load_learner(tmp_path / "last.safetensors")
    assert again.config == learner.config and type(again) is type(learner)
    episodes = test.sample_tasks(1, 0, range(2))
    for norm in learner.norms:
        assert torch.equal(again.episode_logits(episodes, norm), learner.episode_logits(episodes, norm))


@every_learner
def test_a_wrong_support_set_or_mode_is_refused(name):
    learner, _ = ready(name)
    task = some_episodes().task(0)
    with pytest.raises(ValueError, match="without a task axis"):
        learner.adapt(some_episodes().support)
    with pytest.raises(ValueError, match="do not match"):
        learner.adapt(LabelledSet(task.support.x, task.support.y[1:]))
    with pytest.raises(ValueError, match="norm='batch'"):
        learner.adapt(task.support, norm="batch")
    with pytest.raises(ValueError, match="with a task axis"):
        learner.losses(task)


# Running statistics ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", WITH_RUNNING)
def test_running_statistics_are_asked_for_where_there_are_none(name):
    with pytest.raises(ValueError, match="no running statistics yet"):
        made(name).adapt(some_episodes().task(0).support, norm="running")


def test_running_statistics_are_the_mean_over_training_episodes(float64):
    learner, episodes = made("protonet"), some_episodes()
    learner.calibrate(episodes)
    means = []
    for i in range(3):
        task = episodes.task(i)
        first = learner.net.blocks[0].conv(torch.cat([task.support.x, task.query.x]))
        means.append(torch.stack([first.mean((0, 2, 3)), first.var((0, 2, 3), correction=0)]))
    mean, var = learner.running_stats()[0]
    torch.testing.assert_close(torch.stack([mean, var]), torch.stack(means).mean(0))


def test_a_net_without_normalisation_layers_has_nothing_to_measure():
    net = nets.wrap(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 8)), image_size=16, in_channels=1)
    learner, episodes = ProtoNet(net, 3), some_episodes()
    learner.calibrate(episodes)
    torch.testing.assert_close(*(learner.episode_logits(episodes, norm) for norm in ("running", "query")))


def test_training_does_not_depend_on_the_running_statistics():
    """They are measured, not learned: no state that a resumed run or another process could lack."""
    learner, episodes = made("protonet"), some_episodes()
    found = []
    for seed in (1, 2):
        learner.zero_grad()
        learner.calibrate(some_episodes(seed=seed))
        learner.accumulate_gradient(episodes)
        found.append(gradient(learner))
    assert all(torch.equal(found[0][n], found[1][n]) for n in found[0])


@pytest.mark.parametrize("name", WITH_RUNNING)
def test_any_number_of_classes_and_pictures_will_do(name):
    learner, _ = ready(name)
    episodes = some_episodes(1, n_way=5, k_shot=3)
    support = episodes.task(0).support
    uneven = LabelledSet(support.x[:-2], support.y[:-2])  # the last class has one picture, the others three
    logits = learner.adapt(uneven)(episodes.query.x[0])
    assert logits.shape == (20, 5) and logits.isfinite().all()
    with pytest.raises(ValueError, match="no support picture has label 1"):
        learner.adapt(LabelledSet(support.x[[0, 6]], support.y[[0, 6]]))
