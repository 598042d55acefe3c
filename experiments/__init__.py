"""Programs that run from a checkout: train, evaluate, count, demo."""
