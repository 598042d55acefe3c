"""Training: state, step, mapping over devices, checkpoints, logs, loop."""
