"""What `python -m experiments.train` runs: its command line and the run itself."""
