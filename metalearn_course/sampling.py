"""Drawing episodes: an index calculation on the CPU and one gather on the device of the pictures."""

import copy
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor

from metalearn_course.datasets import ImageClasses
from metalearn_course.datasets.augment import Augment, Variation
from metalearn_course.episode import Episode, LabelledSet


def task_generator(seed: int, step: int, task: int, stream: int = 0) -> torch.Generator:
    """A random stream of task `task` in step `step`, independent of how many tasks a step has.

    Stream 0 draws the episode, stream 1 the learner's own noise, stream 2 the augmentation.
    """
    mixed = np.random.SeedSequence((seed, step, task, stream)).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed >> 1))  # manual_seed takes 63 bits without a sign


class EpisodeSampler:
    """Draws n_way classes of different groups, then k_shot + n_query different pictures of each.

    Labels are given by the order in which the classes were drawn, so a class has another label in
    every task and a learner cannot know it without reading the support set.

    within="family" takes all classes of a task from one family, which makes it harder. A family comes up in
    proportion to its groups, so that a group is as likely as in other tasks; families with fewer than n_way
    groups are left out.

    support_styles, query_styles: names of styles (see `ImageClasses.styles`), of which the support and the
    query pictures are; None is any. They may overlap, a picture is never in both. Classes that lack pictures
    for it are left out.

    augment: varies each picture of a task that `sample` and `sample_tasks` give (see datasets/augment.py), for
    training; `evaluate` gathers pictures as they are.

    >>> from metalearn_course.datasets import from_tensors
    >>> pictures = (torch.rand(12 * 6, 1, 28, 28) * 255).byte()
    >>> images = from_tensors("noise", pictures, counts=[6] * 12, names=[f"class {c}" for c in range(12)])
    >>> sampler = EpisodeSampler(images, n_way=5, k_shot=1, n_query=3)
    >>> episodes = sampler.sample(n_tasks=4)
    >>> episodes.support.x.shape, episodes.query.x.shape
    (torch.Size([4, 5, 1, 28, 28]), torch.Size([4, 15, 1, 28, 28]))
    >>> same = sampler.sample_tasks(seed=0, step=7, tasks=[2]), sampler.sample_tasks(seed=0, step=7, tasks=[1, 2])
    >>> bool((same[0].query.x[0] == same[1].query.x[1]).all())
    True
    """

    def __init__(
        self,
        images: ImageClasses,
        n_way: int,
        k_shot: int,
        n_query: int,
        *,
        within: str | None = None,
        support_styles: Collection[str] | None = None,
        query_styles: Collection[str] | None = None,
        augment: Augment | None = None,
    ):
        self.images, self.n_way, self.k_shot, self.n_query = images, n_way, k_shot, n_query
        self.augment = augment
        self.options = _plain(within=within, support_styles=support_styles, query_styles=query_styles, augment=augment)
        self._allowed = None
        usable = range(len(images))
        if support_styles is None and query_styles is None:
            _check(images, n_way, k_shot, n_query)
        else:
            _check_counts(n_way, k_shot, n_query)
            self._allowed = [_of_styles(images, styles) for styles in (support_styles, query_styles)]  # two (C, P)
            usable = _enough(*self._allowed, k_shot, n_query).nonzero().flatten().tolist()
            _check_styles(images, usable, n_way, k_shot, n_query)
        cells: dict[tuple[str, str], list[int]] = {}  # classes by family, if that matters, and group
        families = _families(images, within)
        for index in usable:
            cells.setdefault((families[index], images.groups[index]), []).append(index)
        cells = _large_families(cells, n_way, images.name) if within else cells
        self._sizes = torch.tensor([len(m) for m in cells.values()])  # (G,)
        padded = [torch.tensor(m) for m in cells.values()]
        self._members = torch.nn.utils.rnn.pad_sequence(padded, batch_first=True)  # (G, largest group)
        numbers = {family: number for number, family in enumerate(dict.fromkeys(family for family, _ in cells))}
        self._family = torch.tensor([numbers[family] for family, _ in cells]) if within else None  # (G,)

    def to(self, device) -> "EpisodeSampler":
        """The same sampler with the pictures, and so the episodes, on another device."""
        moved = copy.copy(self)
        moved.images = self.images.to(device)
        return moved

    def sample(self, n_tasks: int, generator: torch.Generator | None = None) -> Episode:
        """A batch of n_tasks episodes: support x (T, N*K, C, H, W), y (T, N*K), classes (T, N)."""
        episodes = self.gather(*self.draw(n_tasks, generator))
        return self._varied(episodes, [generator] * n_tasks)

    def sample_tasks(self, seed: int, step: int, tasks: Iterable[int]) -> Episode:
        """The given tasks of a step; task i is a function of (seed, step, i) alone."""
        tasks = list(tasks)
        episodes = self.gather(*self.draw_tasks(seed, step, tasks))
        return self._varied(episodes, [task_generator(seed, step, task, stream=2) for task in tasks])

    def draw_tasks(self, seed: int, step: int, tasks: Iterable[int]) -> tuple[Tensor, Tensor]:
        """The indices of `sample_tasks` alone."""
        drawn = [self.draw(1, task_generator(seed, step, task)) for task in tasks]
        classes, numbers = zip(*drawn)
        return torch.cat(classes), torch.cat(numbers)

    def draw(self, n_tasks: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Indices alone: classes (T, N), and for each the numbers of its pictures (T, N, K + Q)."""
        n_pictures = self.k_shot + self.n_query
        scores = torch.rand(n_tasks, len(self._sizes), generator=generator)
        if self._family is not None:
            chosen = self._family[torch.randint(len(self._sizes), (n_tasks, 1), generator=generator)]  # (T, 1)
            scores = scores.masked_fill(self._family != chosen, -1)
        groups = scores.topk(self.n_way).indices  # (T, N), different groups in random order
        pick = torch.rand(n_tasks, self.n_way, generator=generator) * self._sizes[groups]
        classes = self._members[groups, pick.long()]  # (T, N)
        scores = torch.rand(n_tasks, self.n_way, int(self.images.counts.max()), generator=generator)
        if self._allowed is not None:
            return classes, self._draw_styles(scores, *(allowed[classes] for allowed in self._allowed))
        missing = torch.arange(scores.shape[-1]) >= self.images.counts[classes].unsqueeze(-1)
        numbers = scores.masked_fill(missing, -1).topk(n_pictures).indices
        return classes, numbers

    def _draw_styles(self, scores: Tensor, for_support: Tensor, for_query: Tensor) -> Tensor:
        """Numbers (T, N, K + Q) of pictures with random scores (T, N, P), given what each part may have (T, N, P).

        The support leaves as many of the pictures that both may have as the query needs.
        """
        both = for_support & for_query
        spare = for_query.sum(-1, keepdim=True) - self.n_query  # the support may take so many of both
        rank = scores.masked_fill(~both, -1).argsort(-1, descending=True).argsort(-1)
        support = scores.masked_fill(~for_support | (both & (rank >= spare)), -1).topk(self.k_shot).indices
        left = for_query.scatter(-1, support, False)
        query = scores.masked_fill(~left, -1).topk(self.n_query).indices
        return torch.cat((support, query), -1)

    def gather(self, classes: Tensor, numbers: Tensor) -> Episode:
        """The episodes with the given indices."""
        parts = numbers.split((self.k_shot, self.n_query), dim=-1)
        labelled = (self._labelled(classes, part) for part in parts)
        return Episode(*labelled, classes.to(self.images.images.device, non_blocking=True))

    def _varied(self, episodes: Episode, generators: list[torch.Generator | None]) -> Episode:
        """The episodes with every picture augmented, task by task from a generator of its own."""
        if self.augment is None:
            return episodes
        support, query = episodes.support, episodes.query
        n_pictures = support.x.shape[1] + query.x.shape[1]
        drawn = [self.augment.draw(n_pictures, generator) for generator in generators]
        variation = Variation(*map(torch.stack, zip(*drawn)))
        x = self.augment.apply(torch.cat([support.x, query.x], 1), variation)  # (T, M, C, H, W)
        support_x, query_x = x.split([support.x.shape[1], query.x.shape[1]], 1)
        return episodes._replace(support=LabelledSet(support_x, support.y), query=LabelledSet(query_x, query.y))

    def _labelled(self, classes: Tensor, numbers: Tensor) -> LabelledSet:
        x = self.images.pictures(classes, numbers)  # (T, N, K, C, H, W)
        y = torch.arange(self.n_way, device=x.device).view(1, -1, 1).expand(x.shape[:3])
        return LabelledSet(x.flatten(1, 2), y.flatten(1, 2))


def _plain(**options) -> dict:
    """The options that are set, as JSON would have them, to tell two samplers apart."""
    found = {name: option for name, option in options.items() if option is not None}
    for name, option in found.items():
        if isinstance(option, Augment):
            found[name] = asdict(option)
        elif not isinstance(option, str):
            found[name] = sorted(option)
    return found


def _check_counts(n_way: int, k_shot: int, n_query: int) -> None:
    if n_way < 2:
        raise ValueError(f"n_way={n_way}: a task needs at least two classes to tell apart")
    if k_shot < 1 or n_query < 1:
        raise ValueError(f"k_shot={k_shot}, n_query={n_query}: both must be at least 1")


def _check(images: ImageClasses, n_way: int, k_shot: int, n_query: int) -> None:
    """Refuse what cannot be drawn, saying why and what to change."""
    _check_counts(n_way, k_shot, n_query)
    n_groups = len(set(images.groups))
    if n_groups < n_way:
        raise ValueError(
            f"n_way={n_way}, but {images.name} has only {n_groups} groups of classes here and a task takes at most "
            "one class of each; lower n_way or give this part of the split more classes"
        )
    smallest = int(images.counts.argmin())
    if images.counts[smallest] < k_shot + n_query:
        raise ValueError(
            f"class {images.names[smallest]!r} has {int(images.counts[smallest])} pictures, but k_shot + n_query = "
            f"{k_shot + n_query}; lower one of them, or leave small classes out with "
            f"images.with_at_least({k_shot + n_query})"
        )


# Families ------------------------------------------------------------------------------------


def _families(images: ImageClasses, within: str | None) -> tuple[str, ...]:
    """The family of every class, or the same for all where a task may mix them."""
    if within is None:
        return ("",) * len(images)
    if within != "family":
        raise ValueError(f'within={within!r}: choose "family" or None')
    if not images.families:
        raise ValueError(f"{images.name} does not say the families of its classes; leave within out")
    return images.families


def _large_families(cells: dict[tuple[str, str], list[int]], n_way: int, name: str) -> dict[tuple[str, str], list[int]]:
    """The cells of families with at least n_way groups."""
    n_groups = Counter(family for family, _ in cells)
    large = {cell: members for cell, members in cells.items() if n_groups[cell[0]] >= n_way}
    if not large:
        family, most = n_groups.most_common(1)[0]
        raise ValueError(
            f"n_way={n_way}, but no family of {name} has so many groups of classes here; the largest, {family!r}, "
            f"has {most}; lower n_way, give this part of the split more classes, or leave within out"
        )
    return large


# Styles --------------------------------------------------------------------------------------


def _of_styles(images: ImageClasses, styles: Collection[str] | None) -> Tensor:
    """(C, P) bool: whether picture p of class c is there and of one of the styles; None is any."""
    if isinstance(styles, str):
        raise ValueError(f"styles={styles!r}: give a collection of names, such as [{styles!r}]")
    numbers = torch.arange(int(images.counts.max()) if len(images) else 0)
    there = numbers < images.counts.unsqueeze(-1)
    if styles is None:
        return there
    unknown = set(styles) - set(images.styles)
    if unknown:
        known = ", ".join(sorted(set(images.styles))) or "none"
        raise ValueError(f"{images.name} has no style {min(unknown)!r}; its styles are: {known}")
    styles = set(styles)
    wanted = torch.tensor([style in styles for style in images.styles], dtype=torch.bool)
    rows = images.starts.unsqueeze(-1) + numbers
    return there & wanted[rows.clamp(max=len(wanted) - 1)]


def _enough(for_support: Tensor, for_query: Tensor, k_shot: int, n_query: int) -> Tensor:
    """(C,) bool: whether a class has the pictures for a task, each used once."""
    either = (for_support | for_query).sum(-1)
    return (for_support.sum(-1) >= k_shot) & (for_query.sum(-1) >= n_query) & (either >= k_shot + n_query)


def _check_styles(images: ImageClasses, usable: list[int], n_way: int, k_shot: int, n_query: int) -> None:
    n_groups = len({images.groups[c] for c in usable})
    if n_groups < n_way:
        raise ValueError(
            f"n_way={n_way}, but of the {len(images)} classes of {images.name} here only {len(usable)}, in {n_groups} "
            f"groups, have {k_shot} pictures of support_styles and {n_query} others of query_styles; "
            "name more styles, or lower n_way, k_shot or n_query"
        )
