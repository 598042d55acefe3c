"""What a training will need on machines that are not at hand: `python -m experiments.plan NAME --topology v5e:4x4`."""
