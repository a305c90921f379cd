"""What every learner is: two pure functions of one task, and what follows from them.

A learner writes
    adapt_state(support, *, n_way, norm, noise) -> state    a pytree of tensors
    logits(state, x) -> (Q, N)
and inherits losses over a batch of tasks, gradient accumulation, and `adapt` for readers. With these two
it trains, is evaluated, and its runs are resumed; what its constructor takes is noted in `config`, for
checkpoints, and `load_learner(path, into=learner)` reads them. Its net, where it has one, is best kept in
`net`: then pictures are checked against `net.in_channels` and `net.image_size`. A learner with another
objective overrides `task_loss`; one without an outer loss (Reptile) overrides `accumulate_gradient`; one
that draws random numbers (a Bayesian one) says in `draw_noise` what it needs and gets it handed in, so
that a task stays a function of its seed.
"""

import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from metalearn_course.episode import Episode, LabelledSet
from metalearn_course.learners.pictures import as_labels, as_pictures
from metalearn_course.sampling import task_generator


def map_tasks(function: Callable, *trees, batching: str = "vmap") -> Any:
    """function(*task i of each tree), a pytree, for every task i, stacked: the one place that decides how.

    "vmap" runs all tasks at once, with a grouped convolution where every task has weights of its own.
    "loop" runs them one by one: the same numbers, for a function that vmap refuses. On two cores vmap
    takes two thirds of the loop's time for small tasks and as long for large ones (benchmarks/ranks.py).
    """
    n_tasks = len(tree_leaves(trees)[0])
    if batching == "vmap" and n_tasks > 1:
        return torch.vmap(function, randomness="error")(*trees)
    if batching not in ("vmap", "loop"):
        raise ValueError(f"batching={batching!r}: choose 'vmap' or 'loop'")
    results = [function(*tree_map(lambda leaf: leaf[i], trees)) for i in range(n_tasks)]  # noqa: B023
    return tree_map(lambda *leaves: torch.stack(leaves), *results)


class Predictor:
    """A learner adapted to one task: pictures (Q, C, H, W) in, logits (Q, n_way) out.

    Takes whatever `as_pictures` takes, on any device, and answers on the learner's. `state` is what the
    task left behind, norm what queries are normalised with: "query" (transductive), "support" or "running".
    """

    def __init__(self, learner: "Learner", state: Any, norm: str | None = None, n_way: int | None = None):
        self.learner, self.state, self.norm, self.n_way = learner, state, norm, n_way

    @torch.no_grad()
    def __call__(self, x: Any) -> Tensor:
        return self.learner.logits(self.state, self.learner.pictures(x))

    def __repr__(self) -> str:
        kind = "transductive" if self.norm == "query" else "inductive"
        return f"{type(self.learner).__name__} adapted to {self.n_way} classes, norm={self.norm!r} ({kind})"


class Learner(nn.Module):
    """Base of all learners. What a subclass's constructor is given by name is kept in `config`.

    The command line makes an option of each, with the docstring's line about it as help.

    norm: what normalises the queries in training
    """

    norms = ("query", "support")  # normalisation modes that the learner can work with
    train_defaults: Mapping[str, Any] = MappingProxyType({})  # of `metalearn train`, beside the usual ones
    test_options: Mapping[str, Any] = MappingProxyType({})  # what `adapt_state` gets at test time, not in training
    config: dict[str, Any]
    net: Any  # an nn.Module that is a nets.Embedding, which types cannot say of one value
    _place: Tensor

    def __new__(cls, *args, **kwargs):
        """Note the constructor's arguments, so that no learner has to list its options twice."""
        learner = super().__new__(cls)
        learner.__dict__["config"] = _arguments(cls, args, kwargs)
        return learner

    def __init__(self, n_way: int, norm: str = "query"):
        super().__init__()
        if n_way < 2:
            raise ValueError(f"n_way={n_way}: a task needs at least two classes to tell apart")
        self.n_way, self.norm = n_way, self._known_norm(norm)
        self.batching = "vmap"
        self.test_options = dict(self.test_options)  # this learner's own
        self.trained_on: dict | None = None  # see `evaluation.leakage`; `training.fit` fills it in
        self.register_buffer("_place", torch.empty(0), persistent=False)  # moves along, for `device`

    @property
    def device(self) -> torch.device:
        """Where the learner is, also where it has no parameters."""
        return self._place.device

    @property
    def inductive_norm(self) -> str:
        """The learner's own norm, but "support" where that is "query": queries then do not see one another."""
        return "support" if self.norm == "query" else self.norm

    # What a learner writes -------------------------------------------------------------------

    def adapt_state(self, support: LabelledSet, *, n_way=None, norm=None, noise=(), **options) -> Any:
        """The task's state, a pytree of tensors, from its support set alone."""
        raise NotImplementedError

    def logits(self, state: Any, x: Tensor) -> Tensor:
        """(Q, n_way) scores of the pictures x (Q, C, H, W)."""
        raise NotImplementedError

    def draw_noise(self, generator: torch.Generator) -> Any:
        """Random tensors for one task, as a pytree; nothing for most learners."""
        return ()

    def task_loss(self, episode: Episode, noise=()) -> Tensor:
        """The outer loss of one task: cross-entropy on the query after adapting to the support."""
        state = self.adapt_state(episode.support, n_way=episode.n_way, norm=self.norm, noise=noise)
        return F.cross_entropy(self.logits(state, episode.query.x), episode.query.y)

    def noise_for(self, seed: int, step: int, tasks: Iterable[int], device="cpu") -> Any:
        """The noise of the given tasks of a step, stacked along a task axis."""
        drawn = [self.draw_noise(task_generator(seed, step, task, stream=1)) for task in tasks]
        return tree_map(lambda *tensors: torch.stack(tensors).to(device), *drawn)

    # What follows ----------------------------------------------------------------------------

    def losses(self, episodes: Episode, noise=()) -> Tensor:
        """Outer loss of every task, (T,). ValueError where the shapes do not fit the learner."""
        return map_tasks(self.task_loss, self.taken(episodes), noise, batching=self.batching)

    def accumulate_gradient(self, episodes: Episode, noise=(), chunk_size: int | None = None) -> Tensor:
        """Add the gradient of the mean loss to `.grad`, chunk by chunk; returns the losses (T,), detached.

        The graph of a chunk is freed before the next one is built, so memory is that of a chunk.
        """
        losses = []
        for chunk in self.chunks(episodes, chunk_size):
            loss = self.losses(episodes.task(chunk), tree_map(lambda tensor: tensor[chunk], noise))  # noqa: B023
            (loss.sum() / episodes.n_tasks).backward()
            losses.append(loss.detach())
        return torch.cat(losses)

    def chunks(self, episodes: Episode, chunk_size: int | None = None) -> Iterator[slice]:
        """Slices of the task axis: by default eight tasks at a time on a CPU and sixteen on other devices."""
        chunk_size = chunk_size or (8 if episodes.query.x.device.type == "cpu" else 16)
        return (slice(start, start + chunk_size) for start in range(0, episodes.n_tasks, chunk_size))

    @torch.no_grad()
    def adapt(self, support: LabelledSet, norm: str | None = None, **options) -> Predictor:
        """Learn one task from its support set (no task axis); no query is in sight.

        support: pictures and labels 0…n_way-1, whose pictures are whatever `as_pictures` takes.
        norm: None is the learner's own, but "support" where that is "query" (`inductive_norm`): a Predictor
        does not know how many queries come at once, so by default each is answered on its own.
        norm="query" normalises with the batch of queries that is being predicted (transductive), as
        `evaluation.evaluate` does by default for learners trained so; their accuracies differ.
        Options go to `adapt_state`: MAML takes steps and inner_lr.
        ValueError with cause and remedy where the support set does not fit the learner.

        >>> from metalearn_course import learners, nets
        >>> support = LabelledSet(torch.rand(10, 1, 28, 28), torch.arange(5).repeat(2))
        >>> predictor = learners.MAML(nets.Conv4(hidden=8), n_way=5).adapt(support, steps=1)
        >>> predictor
        MAML adapted to 5 classes, norm='support' (inductive)
        >>> predictor(torch.rand(7, 1, 28, 28)).argmax(-1).shape
        torch.Size([7])
        """
        norm = self._known_norm(norm or self.inductive_norm)
        x = self.pictures(support[0])
        y, n_way = as_labels(support[1], len(x))
        self._check_ways(n_way)
        options = {**self.test_options, **options}
        state = self.adapt_state(LabelledSet(x, y.to(self.device)), n_way=n_way, norm=norm, **options)
        return Predictor(self, state, norm, n_way)

    @torch.no_grad()
    def episode_logits(self, episodes: Episode, norm: str, noise=(), **options) -> Tensor:
        """Test-time logits of all queries of a batch of tasks, (T, Q, N): what evaluation scores."""
        norm, episodes = self._known_norm(norm), self.taken(episodes)
        options = {**self.test_options, **options}

        def predict(episode: Episode, noise) -> Tensor:
            state = self.adapt_state(episode.support, n_way=episode.n_way, norm=norm, noise=noise, **options)
            return self.logits(state, episode.query.x)

        return map_tasks(predict, episodes, noise, batching=self.batching)

    def calibrate(self, episodes: Episode) -> None:
        """Measure on training episodes what the test needs and no gradient learns; nothing for most learners."""

    def start_from(self, other: "Learner") -> None:
        """Take over the net of another learner."""
        self.net.load_state_dict(other.net.state_dict())

    # The boundary ----------------------------------------------------------------------------

    def pictures(self, x: Any) -> Tensor:
        """Pictures (N, C, H, W) as the net takes them, of whatever `as_pictures` takes."""
        net = getattr(self, "net", None)
        found = as_pictures(x, getattr(net, "in_channels", None), getattr(net, "image_size", None))
        return found.to(self.device, self._dtype())

    def taken(self, episodes: Episode) -> Episode:
        """Episodes on the learner's device, in its number types, after a look at their shapes.

        No value is looked at, since a training loop would have to wait for the GPU to see it.
        """
        self._check_ways(episodes.n_way)
        support, query = (self._taken_part(part) for part in episodes[:2])
        return Episode(support, query, episodes.classes.to(self.device))

    def _taken_part(self, part: LabelledSet) -> LabelledSet:
        x, y, net = *part, getattr(self, "net", None)
        shape = getattr(net, "in_channels", None), *[getattr(net, "image_size", None)] * 2
        if x.ndim != 5:
            raise ValueError(
                f"pictures of shape {tuple(x.shape)}; {type(self).__name__} wants (T, M, C, H, W), with a task axis"
            )
        if x.shape[:2] != y.shape:
            raise ValueError(f"pictures {tuple(x.shape)} and labels {tuple(y.shape)} do not match")
        if None not in shape and x.shape[2:] != shape:
            raise ValueError(f"pictures (C, H, W) = {tuple(x.shape[2:])}, but the net was made for {shape}")
        if y.is_floating_point():
            raise ValueError(f"labels of {y.dtype}; number the classes 0, 1, 2 … with integers, y.long() for instance")
        x = x / 255 if x.dtype == torch.uint8 else x
        return LabelledSet(x.to(self.device, self._dtype()), y.to(self.device, torch.int64))

    def _dtype(self) -> torch.dtype:
        """Of the weights."""
        weight = next(self.parameters(), None)
        return torch.get_default_dtype() if weight is None else weight.dtype

    def _known_norm(self, norm: str) -> str:
        if norm not in self.norms:
            raise ValueError(f"norm={norm!r}: {type(self).__name__} knows {', '.join(map(repr, self.norms))}")
        return norm

    def _check_ways(self, n_way: int) -> None:
        if n_way != self.n_way:
            raise ValueError(f"the task has {n_way} classes, but this {type(self).__name__} was made for {self.n_way}")


def _arguments(kind: type, args: tuple, kwargs: dict) -> dict[str, Any]:
    """What a constructor is given, by name and with its defaults, but for modules and what JSON cannot say."""
    signature = inspect.signature(kind.__init__)
    try:
        bound = signature.bind(None, *args, **kwargs)
    except TypeError:  # the constructor will say what is wrong; a copy is made without arguments
        return {}
    bound.apply_defaults()
    named = dict(list(bound.arguments.items())[1:])
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            named |= named.pop(name)
    return {name: value for name, value in named.items() if _json_says(value)}


def _json_says(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True
