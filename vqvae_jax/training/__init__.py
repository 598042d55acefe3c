"""What every model's training shares: state, optimiser, mapping over devices, checkpoints, logs, loop."""
