"""Helper package of the course: episodes, learners, one training loop, one evaluation."""
