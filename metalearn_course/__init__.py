"""Helper package of the course: episodes, learners, one training loop, one evaluation."""

__version__ = "0.1.0"
