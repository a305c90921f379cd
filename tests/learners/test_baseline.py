"""The pretrained classifier: its training, and the heads that it gets for a task."""

import pytest
import torch
import torch.nn.functional as F
from small_learners import some_episodes

from metalearn_course import nets
from metalearn_course.functional import cosine, prototypes
from metalearn_course.learners import Pretrained

pytestmark = pytest.mark.usefixtures("float64")


def small(**options) -> Pretrained:
    torch.manual_seed(1)
    settings = {"n_way": 3, "n_classes": 10, "norm": "support"}
    return Pretrained(nets.Conv4(image_size=16, hidden=8), **(settings | options))


def with_classes(episodes, *classes):
    return episodes._replace(classes=torch.tensor(classes))


def test_training_classifies_all_pictures_by_their_class_in_the_dataset():
    learner, episodes = small(head="linear"), with_classes(some_episodes(2), [7, 0, 4], [1, 9, 7])
    for i, loss in enumerate(learner.losses(episodes)):
        task = episodes.task(i)
        logits = learner.training_head(learner.net(torch.cat([task.support.x, task.query.x])))
        labels = [int(task.classes[y]) for y in [*task.support.y, *task.query.y]]
        torch.testing.assert_close(loss, F.cross_entropy(logits, torch.tensor(labels)))


def test_the_order_of_the_classes_in_an_episode_does_not_matter():
    """A class is itself whatever its label: no task is learned here."""
    learner, task = small(), with_classes(some_episodes(1), [7, 0, 4]).task(0)
    support, query = (part._replace(y=(part.y + 1) % 3) for part in (task.support, task.query))
    renamed = task._replace(support=support, query=query, classes=task.classes.roll(1))
    torch.testing.assert_close(learner.task_loss(renamed), learner.task_loss(task))


def test_the_linear_head_goes_to_the_minimum_of_its_convex_loss():
    learner, task = small(head="linear", weight_decay=0.1), some_episodes().task(0)
    features = learner.net(task.support.x)
    size = features.pow(2).sum(-1).mean().sqrt()

    def objective(state):
        weight = state.weight * size
        return (
            F.cross_entropy(F.linear(features / size, weight, state.bias), task.support.y) + 0.05 * weight.pow(2).sum()
        )

    values = [objective(learner.remember(features, task.support.y, 3, steps=n)) for n in (0, 1, 10, 100, 1000, 2000)]
    torch.testing.assert_close(values[0], torch.tensor(3.0).log())  # it starts from zero
    assert all(b < a for a, b in zip(values[:4], values[1:]))
    torch.testing.assert_close(values[-1], values[-2])
    far = learner.remember(features, task.support.y, 3, steps=2000)
    for direction in (torch.ones_like(far.weight), torch.eye(3, far.weight.shape[1])):
        assert objective(far._replace(weight=far.weight + 0.1 * direction)) > values[-1]


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_the_rate_suits_features_of_any_size(factor):
    learner, task = small(head="linear"), some_episodes().task(0)
    features = learner.net(task.support.x)
    plain, large = (learner.remember(f, task.support.y, 3) for f in (features, factor * features))
    torch.testing.assert_close(learner.scores(large, factor * features), learner.scores(plain, features))


def test_a_cosine_head_without_steps_is_a_protonets():
    learner, task = small(scale=5.0), some_episodes().task(0)
    predict = learner.adapt(task.support, steps=0)
    known = F.normalize(learner.net(task.support.x, predict.state.stats))
    asked = learner.net(task.query.x, predict.state.stats)
    torch.testing.assert_close(predict(task.query.x), 5 * cosine(asked, prototypes(known, task.support.y, 3)))
    again = learner.adapt(task.support)
    fits = [F.cross_entropy(p(task.support.x), task.support.y) for p in (predict, again)]
    assert fits[1] < fits[0]


@pytest.mark.parametrize("head", ["linear", "cosine"])
def test_the_embedding_is_frozen_while_a_head_is_fitted(head):
    learner, task = small(head=head), some_episodes().task(0)
    before = [p.clone() for p in learner.parameters()]
    learner.adapt(task.support)
    assert all(torch.equal(p, q) for p, q in zip(before, learner.parameters()))


@pytest.mark.parametrize("head", ["linear", "cosine"])
def test_a_tuning_step_is_a_gradient_step_of_net_and_head_and_leaves_the_learner_alone(head, float64):
    learner, task = small(head=head, norm="support", tune_lr=0.3, weight_decay=0.0), some_episodes().task(0)
    start, moved = (learner.adapt_state(task.support, tune_steps=n) for n in (0, 1))
    before = {name: p.clone() for name, p in learner.net.named_parameters()}
    weight, bias = (t.detach().requires_grad_() for t in (start.weight, start.bias))
    loss = F.cross_entropy(
        learner.scores(start._replace(weight=weight, bias=bias), learner.net(task.support.x)), task.support.y
    )
    slopes = torch.autograd.grad(loss, [weight, bias, *learner.net.parameters()], allow_unused=True)
    torch.testing.assert_close(moved.weight, weight - 0.3 * slopes[0])
    for (name, p), slope in zip(learner.net.named_parameters(), slopes[2:]):
        torch.testing.assert_close(moved.net[name], p - 0.3 * slope)
        assert torch.equal(p, before[name]) and slope.any()
    predict = learner.adapt(task.support, tune_steps=1)
    learner.net.load_state_dict(moved.net)
    torch.testing.assert_close(predict(task.query.x), learner.scores(moved, learner.net(task.query.x, moved.stats)))


def test_it_can_be_used_without_the_head_of_the_training_classes():
    learner, task = small(), some_episodes().task(0)
    weights = {name: t for name, t in learner.state_dict().items() if not name.startswith("training_head.")}
    again = small()
    again.load_state_dict(weights)
    torch.testing.assert_close(again.adapt(task.support)(task.query.x), learner.adapt(task.support)(task.query.x))
    with pytest.raises(ValueError, match="without the head that it was trained with"):
        again.losses(some_episodes())


def test_wrong_options_and_classes_are_refused():
    with pytest.raises(ValueError, match="head='round'"):
        small(head="round")
    for option in ("head_steps", "tune_steps"):
        with pytest.raises(ValueError, match=f"{option}=-1"):
            small(**{option: -1})
    with pytest.raises(ValueError, match="n_classes=10"):
        small().losses(with_classes(some_episodes(1), [0, 1, 10]))
