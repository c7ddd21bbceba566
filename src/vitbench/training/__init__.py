"""One training: optimiser, schedule, loop, evaluation, checkpoints, trackers."""
