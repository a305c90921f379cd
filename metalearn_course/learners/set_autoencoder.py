"""A variational autoencoder of sets: sees a few pictures of a class and draws more of them.

The model: a class is a vector c ~ N(0, 1), a picture of it another, z ~ N(0, 1), and its pixels are
Bernoulli given both. Edwards & Storkey 2017 (Neural Statistician, arXiv 1606.02185); trained by the
objective of Hewitt et al. 2018 (Variational Homoencoder, arXiv 1807.08919), see `SetVAE.elbo`.
Nothing here draws a random number: all noise is handed in, standard normal.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metalearn_course.episode import LabelledSet
from metalearn_course.functional import gaussian_kl, prototypes, warp


class Gaussian(NamedTuple):
    """Independent Gaussians, as mean and logarithm of the variance."""

    mean: Tensor  # (..., D)
    log_var: Tensor  # (..., D)

    def draw(self, noise: Tensor) -> Tensor:
        """mean + deviation * noise, noise (..., D) standard normal."""
        return self.mean + (self.log_var / 2).exp() * noise

    def kl(self) -> Tensor:
        """KL to N(0, 1) in nats, (...)."""
        return gaussian_kl(self.mean, self.log_var, torch.zeros_like(self.mean), torch.zeros_like(self.mean))

    def log_ratio(self, x: Tensor) -> Tensor:
        """log N(x; 0, 1) - log N(x; mean, var), (...): what remains of both densities at x."""
        own = (x - self.mean).pow(2) * (-self.log_var).exp() + self.log_var
        return 0.5 * (own - x.pow(2)).sum(-1)


class SetVAE(nn.Module):
    """Statistic network q(c | D), inference network q(z | x, c) and decoder p(x | z, c), of linear layers.

    The decoder draws what c says and moves the drawing as z says: c alone decides which pixels carry ink,
    c and z together give an affine map. So a class keeps its shape, whatever z is. Both encoders share
    their first layer. With the defaults these are 0.8 million weights.
    """

    def __init__(self, in_channels=1, image_size=28, hidden=384, c_size=64, z_size=8):
        super().__init__()
        shape, half = (in_channels, image_size, image_size), hidden // 2
        n_pixels = math.prod(shape)
        self.c_size, self.z_size = c_size, z_size
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(n_pixels, hidden), nn.ReLU())
        self.summary = nn.Sequential(nn.Linear(hidden, half), nn.ReLU())
        self.statistic_head = nn.Linear(half, 2 * c_size)
        self.inference_head = nn.Sequential(nn.Linear(hidden + c_size, half), nn.ReLU(), nn.Linear(half, 2 * z_size))
        self.drawing = nn.Sequential(
            nn.Linear(c_size, hidden), nn.ReLU(), nn.Linear(hidden, n_pixels), nn.Unflatten(-1, shape)
        )
        to_map = nn.Linear(half, 6)
        self.motion = nn.Sequential(nn.Linear(c_size + z_size, half), nn.ReLU(), to_map)
        with torch.no_grad():  # c starts loud and sure, or z has learned everything before c is worth listening to
            self.statistic_head.weight[:c_size] *= 5
            self.statistic_head.bias[c_size:] = -4
            to_map.weight *= 0.1

    def statistic(self, features: Tensor, y: Tensor, n_way: int) -> Gaussian:
        """q(c | D), (n_way, c_size), from the features (M, F) of any number of pictures in any order."""
        pooled = prototypes(self.summary(features), y, n_way)  # (n_way, H)
        return Gaussian(*self.statistic_head(pooled).chunk(2, -1))

    def infer(self, features: Tensor, c: Tensor) -> Gaussian:
        """q(z | x, c), (Q, z_size), for features (Q, F) of pictures of classes c (Q, c_size)."""
        return Gaussian(*self.inference_head(torch.cat([features, c], -1)).chunk(2, -1))

    def decode(self, c: Tensor, z: Tensor) -> Tensor:
        """Logits of ink (B, C, H, W) of classes c (B, c_size) in manners z (B, z_size)."""
        maps = torch.eye(2, 3, dtype=c.dtype, device=c.device) + 0.3 * self.motion(torch.cat([c, z], -1)).view(-1, 2, 3)
        return warp(self.drawing(c), maps)

    def log_likelihood(self, x: Tensor, c: Tensor, z: Tensor) -> Tensor:
        """log p(x | z, c), (Q,): Bernoulli, summed over pixels; grey ones count as the mean over black and white."""
        return -F.binary_cross_entropy_with_logits(self.decode(c, z), x, reduction="none").flatten(1).sum(1)

    def generate(self, c: Tensor, z: Tensor) -> Tensor:
        """Pictures (B, C, H, W) in 0..1, of classes c (B, c_size) in manners z (B, z_size): p(ink)."""
        return self.decode(c, z).sigmoid()

    def classes(self, support: LabelledSet, n_way: int) -> Gaussian:
        """q(c | D), (n_way, c_size), of the classes that the support pictures show."""
        return self.statistic(self.encoder(support.x), support.y, n_way)

    def elbo(self, support: LabelledSet, target: LabelledSet, n_way: int, c_noise, z_noise, class_size) -> Tensor:
        """A lower bound on log p(x) of every target picture, (Q,), in nats.

        E log p(x | z, c) - KL(q(z | x, c) || p(z)) - KL(q(c | D) || p(c)) / class_size with c drawn
        from the support D = other pictures of the class. A class has one c for all its class_size
        pictures; so summed over them the last term counts once, and the sum bounds log p(class).
        c_noise (n_way, c_size), z_noise (Q, z_size).
        """
        q_c = self.classes(support, n_way)
        c = q_c.draw(c_noise)[target.y]
        q_z = self.infer(self.encoder(target.x), c)
        return self.log_likelihood(target.x, c, q_z.draw(z_noise)) - q_z.kl() - q_c.kl()[target.y] / class_size

    @torch.no_grad()
    def importance_bound(self, support: LabelledSet, target: LabelledSet, n_way: int, c_noise, z_noise) -> Tensor:
        """log of the mean over S draws of p(X, z, c) / q(z, c), (n_way,): a bound on log p of a class's targets X.

        Burda et al. 2016 (arXiv 1509.00519). With S = 1 its mean is the ELBO of the class, the sum of `elbo`
        with class_size = the targets of a class; it rises with S. c_noise (S, n_way, c_size), z_noise (S, Q, z_size).
        """
        q_c, features, weights = self.classes(support, n_way), self.encoder(target.x), []
        members = F.one_hot(target.y, n_way).to(features.dtype)  # (Q, n_way)
        for c_epsilon, z_epsilon in zip(c_noise, z_noise):
            classes = q_c.draw(c_epsilon)
            c = classes[target.y]
            q_z = self.infer(features, c)
            z = q_z.draw(z_epsilon)
            pictures = self.log_likelihood(target.x, c, z) + q_z.log_ratio(z)
            weights.append(pictures @ members + q_c.log_ratio(classes))
        return torch.stack(weights).logsumexp(0) - math.log(len(weights))
