"""The learner interface carries learners of every family: each is sketched here in a few lines.

With a memory, without an inner loop, without an outer loss, and with noise. All of them run through
losses, both ways of batching, gradient accumulation, adapt and evaluation.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._pytree import tree_leaves

from metalearn_course import nets
from metalearn_course.episode import Episode, LabelledSet
from metalearn_course.functional import prototypes, sgd_step
from metalearn_course.learners import Learner, map_tasks
from metalearn_course.learners.maml import MAML


class Sketch(Learner):
    def __init__(self):
        super().__init__(n_way=3)
        torch.manual_seed(0)
        self.net = nets.Conv4(image_size=16, hidden=4)


class Memory(Sketch):
    """Matching Networks: the state is the support itself, the answer is attention over it."""

    def adapt_state(self, support, *, n_way=None, norm=None, noise=()):
        return self.net(support.x), F.one_hot(support.y, n_way or self.n_way).float()

    def logits(self, state, x):
        keys, labels = state
        attention = F.cosine_similarity(self.net(x).unsqueeze(1), keys, dim=-1).softmax(-1)  # (Q, M)
        return (attention @ labels).log()


class Prototypes(Sketch):
    """No inner loop: the state is one mean a class."""

    def adapt_state(self, support, *, n_way=None, norm=None, noise=()):
        return prototypes(self.net(support.x), support.y, n_way or self.n_way)

    def logits(self, state, x):
        return -torch.cdist(self.net(x), state).pow(2)


class Noisy(Prototypes):
    """Random numbers come in as a tensor, so a task stays a function of its seed."""

    def draw_noise(self, generator):
        return torch.randn(self.n_way, self.net.out_features, generator=generator)

    def adapt_state(self, support, *, n_way=None, norm=None, noise=()):
        return super().adapt_state(support, n_way=n_way) + 0.1 * noise


class Reptile(MAML):
    """No outer loss: the gradient is the way from the adapted weights back to theta."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__(nets.Conv4(image_size=16, hidden=4), n_way=3, inner_steps=2)

    @torch.no_grad()
    def accumulate_gradient(self, episodes, noise=(), chunk_size=None):
        theta = list(self.net.parameters()) + [self.head.weight, self.head.bias]
        for p in theta:
            p.grad = torch.zeros_like(p) if p.grad is None else p.grad
        losses = []
        for i in range(episodes.n_tasks):
            state = self.adapt_state(episodes.task(i).support)
            phi = list(state.phi["net"].values()) + [state.phi["head"]["weight"], state.phi["head"]["bias"]]
            for p, adapted in zip(theta, phi):
                p.grad += (p - adapted) / episodes.n_tasks
            losses.append(F.cross_entropy(self.logits(state, episodes.query.x[i]), episodes.query.y[i]))
        return torch.stack(losses)


SKETCHES = [Memory, Prototypes, Noisy, Reptile]


def some_episodes(n_tasks=3) -> Episode:
    g = torch.Generator().manual_seed(0)
    centres = torch.rand(n_tasks, 3, 1, 1, 16, 16, generator=g)

    def pictures(k):
        x = centres + 0.1 * torch.randn(n_tasks, 3, k, 1, 16, 16, generator=g)
        y = torch.arange(3).view(1, 3, 1).expand(n_tasks, 3, k)
        return LabelledSet(x.flatten(1, 2), y.flatten(1, 2))

    return Episode(pictures(2), pictures(5), torch.arange(3).expand(n_tasks, 3))


@pytest.mark.parametrize("kind", SKETCHES)
def test_a_sketch_learns_through_the_shared_machinery(kind):
    learner, episodes = kind(), some_episodes()
    noise = learner.noise_for(seed=0, step=0, tasks=range(3))
    optimizer = torch.optim.Adam(learner.parameters(), lr=0.01)
    history = []
    for _ in range(15):
        optimizer.zero_grad()
        history.append(learner.accumulate_gradient(episodes, noise).mean().item())
        optimizer.step()
    assert history[-1] < history[0]


@pytest.mark.parametrize("kind", SKETCHES)
def test_a_sketch_gives_the_same_losses_looped_and_vmapped(kind):
    learner, episodes = kind(), some_episodes()
    noise = learner.noise_for(seed=0, step=0, tasks=range(3))
    at_once = learner.losses(episodes, noise)
    learner.batching = "loop"
    torch.testing.assert_close(at_once, learner.losses(episodes, noise))
    assert at_once.shape == (3,)


@pytest.mark.parametrize("kind", [Memory, Prototypes, Reptile])
def test_a_sketch_adapts_to_one_task_as_it_does_in_a_batch(kind):
    learner, episodes = kind(), some_episodes()
    batch = learner.episode_logits(episodes, "query")
    predict = learner.adapt(episodes.task(1).support, norm="query")
    torch.testing.assert_close(predict(episodes.query.x[1]), batch[1])
    assert all(isinstance(leaf, torch.Tensor) for leaf in tree_leaves(predict.state))


def test_noise_belongs_to_its_task():
    learner = Noisy()
    both = learner.noise_for(seed=5, step=2, tasks=[3, 7])
    torch.testing.assert_close(learner.noise_for(seed=5, step=2, tasks=[7])[0], both[1])
    assert not torch.equal(both[0], both[1])
    assert not torch.equal(learner.noise_for(seed=5, step=3, tasks=[3])[0], both[0])


def test_reptile_with_one_step_follows_the_joint_gradient():
    learner, episodes = Reptile(), some_episodes()
    learner.inner_steps = 1
    learner.accumulate_gradient(episodes)
    ours = [p.grad.clone() for p in learner.parameters() if p.requires_grad]
    learner.zero_grad()
    sum(F.cross_entropy(learner.head(learner.net(x)), y) for x, y in zip(*episodes.support)).backward()
    joint = [0.4 * p.grad / 3 for p in learner.parameters() if p.requires_grad]
    torch.testing.assert_close(ours, joint, rtol=1e-3, atol=1e-5)


def test_accumulation_builds_the_graph_of_one_chunk_at_a_time():
    alive, most = [], []

    class Counted(Prototypes):
        def task_loss(self, episode, noise=()):
            loss = super().task_loss(episode, noise)
            alive.append(1)
            most.append(len(alive))
            loss.register_hook(lambda grad: alive.pop() and None)  # the backward pass has reached it
            return loss

    learner = Counted()
    learner.batching = "loop"  # in a vmap the loss is computed once a chunk
    learner.accumulate_gradient(some_episodes(6), chunk_size=2)
    assert max(most) == 2


def test_map_tasks_refuses_a_way_it_does_not_know():
    with pytest.raises(ValueError, match="'vmap' or 'loop'"):
        map_tasks(lambda x: x, torch.zeros(2), batching="threads")


def test_a_learner_says_what_it_has_not_got():
    with pytest.raises(NotImplementedError):
        Learner(n_way=2).adapt_state(LabelledSet(torch.zeros(2, 1, 4, 4), torch.arange(2)))
    assert isinstance(Learner(n_way=2), nn.Module)


def test_sgd_step_takes_a_number_or_a_rate_for_every_leaf():
    params = {"a": torch.ones(2), "b": torch.ones(1)}
    assert sgd_step(params, params, 0.5)["a"].tolist() == [0.5, 0.5]
    assert sgd_step(params, params, {"a": 1.0, "b": 0.0})["b"].tolist() == [1.0]
