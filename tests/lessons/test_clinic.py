import pytest
import torch

from metalearn_course import datasets
from metalearn_course.lessons import clinic
from metalearn_course.lessons.clinic import MamlNet, train_maml


@pytest.fixture
def easy(monkeypatch):
    """Sixty classes of 20 noisy pictures each."""
    g = torch.Generator().manual_seed(0)
    centres = torch.randint(0, 80, (60, 1, 1, 28, 28), generator=g)
    pictures = centres + torch.randint(0, 170, (60, 20, 1, 28, 28), generator=g)
    images = datasets.from_tensors("easy", pictures.flatten(0, 1).byte(), [20] * 60, [f"c{i}" for i in range(60)])
    monkeypatch.setattr(clinic.datasets, "load", lambda name: images)


def test_train_maml_takes_the_arguments_of_the_snippet_and_returns_learner_and_score(easy):
    learner, score = train_maml(5, 1, 5, 4, 0.01, 0.001, n_steps=2)
    assert isinstance(learner.net, MamlNet)
    assert (learner.inner_steps, learner.n_way, learner.config["inner_lr"]) == (5, 5, 0.01)
    assert 0 <= score.accuracy <= 1


def test_train_maml_learns(easy):
    untrained = train_maml(1, 1, 5, 4, lr_outer=0.004, n_steps=1)[1]
    trained = train_maml(1, 1, 5, 4, lr_outer=0.004, n_steps=20)[1]
    assert trained.accuracy > untrained.accuracy + 0.05


def test_the_net_averages_over_positions_and_respects_given_statistics():
    net, x = MamlNet(hidden_size=4).double(), torch.rand(6, 1, 28, 28, dtype=torch.float64)
    features, stats = net(x, return_stats=True)
    assert features.shape == (6, net.out_features) == (6, 4)
    torch.testing.assert_close(net(x[:2], stats), features[:2])
    assert not torch.allclose(net(x[:2]), features[:2])
