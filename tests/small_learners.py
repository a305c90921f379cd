"""Every learner, small, for the tests of what they all have to do."""

import torch

from metalearn_course import nets
from metalearn_course.episode import Episode, LabelledSet
from metalearn_course.learners import ABML, ANIL, MAML, VILM, InContext, MatchingNet, Pretrained, ProtoNet, Reptile

MAKE = {
    "maml": lambda net: MAML(net, 3, inner_steps=2),
    "anil": lambda net: ANIL(net, 3, inner_steps=2),
    "anil, support": lambda net: ANIL(net, 3, lr_per_parameter=True, norm="support"),
    "abml": lambda net: ABML(net, 3, inner_steps=2, init_log_var=-10, test_samples=3),
    "abml, support": lambda net: ABML(net, 3, lr_per_parameter=True, init_log_var=-10, norm="support", test_samples=2),
    "reptile": lambda net: Reptile(net, 3, inner_lr=0.01, inner_steps=3, inner_batch=5, test_steps=4),
    "reptile, sgd": lambda net: Reptile(net, 3, inner_lr=0.1, inner_optimizer="sgd", test_steps=4, norm="support"),
    "matching": lambda net: MatchingNet(net, 3),
    "matching, fce": lambda net: MatchingNet(net, 3, fce=True, steps=2, norm="query"),
    "protonet": lambda net: ProtoNet(net, 3),
    "protonet, cosine": lambda net: ProtoNet(net, 3, distance="cosine", norm="support"),
    "pretrained": lambda net: Pretrained(net, 3, n_classes=15, head_steps=5),
    "pretrained, linear": lambda net: Pretrained(net, 3, n_classes=15, head="linear", head_steps=5),
    "pretrained, tuned": lambda net: Pretrained(net, 3, n_classes=15, head_steps=5, tune_steps=2),
    "incontext": lambda net: InContext(net, 3, width=12, n_codes=8, layers=2, alike=False),
    "incontext, frozen": lambda net: InContext(net, 3, width=12, n_codes=8, heads=2, frozen=True, norm="support"),
    "vilm": lambda net: VILM(net, 3, m=2, hidden=8, head_steps=5, norm="support"),
    "vilm, linear": lambda net: VILM(net, 3, m=1, hidden=8, head="linear", head_steps=5, tune_steps=1, norm="query"),
}
WITH_RUNNING = [name for name in MAKE if name.split(",")[0] in ("matching", "protonet", "incontext", "pretrained")]


def made(name: str, seed: int = 0):
    """The learner of that name; the same weights for the same seed."""
    torch.manual_seed(seed)
    return MAKE[name](nets.Conv4(hidden=4, image_size=16))


def some_episodes(n_tasks: int = 3, n_way: int = 3, k_shot: int = 2, n_query: int = 4, seed: int = 2) -> Episode:
    """Noisy pictures of random classes, in 0..1 and the default dtype."""
    g = torch.Generator().manual_seed(seed)
    centres = torch.randn(n_tasks, n_way, 1, 1, 16, 16, generator=g)

    def pictures(k):
        x = centres + 0.7 * torch.randn(n_tasks, n_way, k, 1, 16, 16, generator=g)
        y = torch.arange(n_way).view(1, -1, 1).expand(n_tasks, n_way, k)
        return LabelledSet(x.sigmoid().flatten(1, 2), y.flatten(1, 2))

    return Episode(pictures(k_shot), pictures(n_query), torch.arange(n_way).expand(n_tasks, -1))


def gradient(learner) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in learner.named_parameters() if p.grad is not None}
