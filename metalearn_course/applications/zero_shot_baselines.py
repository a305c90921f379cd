"""Rivals of ProtoNet-zero: what can be done with descriptions when the net for pictures is trained without them.

All of them see features of a frozen classifier of the training classes. Each answers with similarities to the
classes asked about, as ProtoNet-zero does. X are features of training pictures (C, K, D), S their descriptions
(C, V), and a rival returns a function of descriptions (N, V) and features (M, D) that says (M, N).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metalearn_course.functional import cosine

Rival = Callable[[Tensor, Tensor], Tensor]  # features (M, D), descriptions (N, V) -> similarities (M, N)


def ridge(x: Tensor, y: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """Weights (D, V) and bias (V,) of the linear map from x (M, D) to y (M, V) with the smallest squared error."""
    mean_x, mean_y = x.mean(0), y.mean(0)
    x, y = x - mean_x, y - mean_y
    if len(x) < x.shape[1]:  # the same solution from the smaller of two systems
        weights = x.T @ torch.linalg.solve(x @ x.T + penalty * torch.eye(len(x)), y)
    else:
        weights = torch.linalg.solve(x.T @ x + penalty * torch.eye(x.shape[1]), x.T @ y)
    return weights, mean_y - mean_x @ weights


def attribute_regression(x: Tensor, s: Tensor, penalty: float = 1.0) -> Rival:
    """Predict the description of a picture and take the class whose description is the nearest in angle."""
    weights, bias = ridge(x.flatten(0, 1), s.repeat_interleave(x.shape[1], 0), penalty)
    return lambda features, described: cosine(features @ weights + bias, described)


def ridge_to_means(x: Tensor, s: Tensor, penalty: float = 1.0) -> Rival:
    """Predict the mean feature of a class from its description and take the class whose mean is the nearest."""
    middle = x.flatten(0, 1).mean(0)
    weights, bias = ridge(s, x.mean(1), penalty)
    return lambda features, described: cosine(features - middle, described @ weights + bias - middle)


def eszsl(x: Tensor, s: Tensor, penalty: float = 1.0, penalty_s: float = 1.0, negative: float = 0.0) -> Rival:
    """The bilinear map with the smallest squared error in closed form (Romera-Paredes & Torr 2015, equation 6).

    Labels are 1 for the class of a picture and `negative` for all others; the paper has -1, which is much worse
    with thousands of classes.
    """
    d, v = x.shape[-1], s.shape[1]
    flat = x.flatten(0, 1)
    labelled = (1 - negative) * x.sum(1).T @ s + negative * flat.sum(0)[:, None] * s.sum(0)  # X Y S, (D, V)
    left = torch.linalg.solve(flat.T @ flat + penalty * torch.eye(d), labelled)
    weights = torch.linalg.solve(s.T @ s + penalty_s * torch.eye(v), left.T).T
    return lambda features, described: features @ weights @ F.normalize(described, dim=1).T


def hinge(x: Tensor, s: Tensor, n_steps: int = 1500, margin: float = 0.1, seed: int = 0) -> Rival:
    """A bilinear map whose cosine to the own description leads each other by a margin (Frome et al. 2013, DeViSE)."""
    g = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    project = nn.Linear(s.shape[1], x.shape[-1])
    middle = x.flatten(0, 1).mean(0)
    optimiser = torch.optim.AdamW(project.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, n_steps)
    for _ in range(n_steps):
        c = torch.randperm(len(x), generator=g)[:256]
        features = x[c, torch.randint(x.shape[1], (len(c),), generator=g)] - middle
        similarity = cosine(features, project(s[c]))
        behind = (margin + similarity - similarity.diagonal().unsqueeze(1)).clamp_min(0)
        optimiser.zero_grad()
        ((behind.sum() - behind.diagonal().sum()) / len(c)).backward()
        optimiser.step()
        schedule.step()
    return torch.no_grad()(lambda features, described: cosine(features - middle, project(described)))


def generated_features(x: Tensor, s: Tensor, n_steps: int = 1500, n_made: int = 50, seed: int = 0) -> Rival:
    """A classifier of features that a conditional VAE made from the descriptions (Mishra et al. 2018, 1709.00663)."""
    middle = x.flatten(0, 1).mean(0)
    decode = _train_vae(x - middle, s, n_steps, seed)

    def answer(features: Tensor, described: Tensor) -> Tensor:
        g = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            made = torch.stack([decode(described, g) for _ in range(n_made)], 1)  # (N, n_made, D)
        head = _linear_classifier(made, n_steps=300)
        return head(F.normalize(features - middle, dim=-1))

    return answer


def _train_vae(x: Tensor, s: Tensor, n_steps: int, seed: int, n_latent: int = 32, hidden: int = 512) -> Callable:
    """The decoder of features x (C, K, D) given descriptions s (C, V): a function of (descriptions, generator)."""
    torch.manual_seed(seed)
    d, v, g = x.shape[-1], s.shape[1], torch.Generator().manual_seed(seed)
    encoder = nn.Sequential(nn.Linear(d + v, hidden), nn.ReLU(), nn.Linear(hidden, 2 * n_latent))
    decoder = nn.Sequential(nn.Linear(n_latent + v, hidden), nn.ReLU(), nn.Linear(hidden, d))
    spread = x.std()
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 1e-3)
    for _ in range(n_steps):
        c = torch.randperm(len(x), generator=g)[:256]
        features = x[c, torch.randint(x.shape[1], (len(c),), generator=g)] / spread
        mean, log_var = encoder(torch.cat([features, s[c]], 1)).chunk(2, 1)
        z = mean + (0.5 * log_var).exp() * torch.randn(mean.shape, generator=g)
        error = (decoder(torch.cat([z, s[c]], 1)) - features).square().sum(1)
        kl = 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(1)
        optimiser.zero_grad()
        (error + kl).mean().backward()
        optimiser.step()

    def decode(described: Tensor, generator: torch.Generator) -> Tensor:
        z = torch.randn(len(described), n_latent, generator=generator)
        return spread * decoder(torch.cat([z, described], 1))

    return decode


def _linear_classifier(made: Tensor, n_steps: int) -> Callable[[Tensor], Tensor]:
    """A softmax on the directions of features made (N, M, D) of N classes."""
    x, y = F.normalize(made, dim=-1).flatten(0, 1), torch.arange(len(made)).repeat_interleave(made.shape[1])
    head = nn.Linear(made.shape[-1], len(made))
    optimiser = torch.optim.Adam(head.parameters(), 1e-2)
    for _ in range(n_steps):
        batch = torch.randint(len(x), (1024,), generator=torch.Generator().manual_seed(_))
        optimiser.zero_grad()
        F.cross_entropy(10 * head(x[batch]), y[batch]).backward()
        optimiser.step()
    return torch.no_grad()(head)


GRIDS: dict[str, tuple[Callable[..., Rival], list[dict]]] = {  # name: (rival, options to choose among)
    "attribute regression": (attribute_regression, [dict(penalty=p) for p in (0.1, 1.0, 10.0, 100.0)]),
    "ESZSL, labels 0 and 1": (
        eszsl,
        [dict(penalty=p, penalty_s=q) for p in (1.0, 10.0, 100.0, 1000.0) for q in (1.0, 10.0, 100.0)],
    ),
    "ESZSL, labels -1 and 1": (
        eszsl,
        [dict(penalty=p, penalty_s=q, negative=-1.0) for p in (1.0, 10.0, 100.0, 1000.0) for q in (1.0, 10.0, 100.0)],
    ),
    "hinge": (hinge, [dict(margin=m) for m in (0.1, 0.2, 0.4)]),
    "generated features": (generated_features, [dict()]),
    "ridge to class means": (ridge_to_means, [dict(penalty=p) for p in (0.3, 1.0, 3.0, 10.0)]),
}


def choose(name: str, x: Tensor, s: Tensor, asked: Tensor, described: Tensor) -> tuple[Rival, dict]:
    """The rival of a name with the options that are best on validation classes: pictures asked (C, K, D)."""
    build, options = GRIDS[name]
    rivals = [build(x, s, **each) for each in options]
    wanted = torch.arange(len(asked)).repeat_interleave(asked.shape[1])
    right = [(rival(asked.flatten(0, 1), described).argmax(1) == wanted).float().mean().item() for rival in rivals]
    best = max(range(len(rivals)), key=right.__getitem__)
    return rivals[best], options[best]
