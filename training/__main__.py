"""``python -m training``: the commands of retraining."""

from training.cli import run

run()
