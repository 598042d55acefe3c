"""`python -m experiments.count` as a user types it."""

import json
import re
import subprocess
import sys
from pathlib import Path

from experiments import configs

ROOT = Path(__file__).parents[2]


def count(*arguments):
    command = [sys.executable, "-m", "experiments.count", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_costs_of_a_named_model_are_printed_as_json():
    facts = json.loads(count("msvqvae", "--json").stdout)
    assert facts["codebook_entries"] == 2 * 1024 * 128
    assert facts["bpp"] == 10 * (8 * 8 * 8 + 16 * 16 * 16) / (32 * 64 * 64)


def test_without_a_name_the_names_and_the_program_are_shown():
    done = count()
    assert done.returncode == 2
    assert "python -m experiments.count" in done.stderr and "count.py" not in done.stderr
    said = re.sub(r"[\s│]", "", done.stderr)  # names are broken at the box's edge
    assert all(name in said for name in configs.names())


def test_an_unknown_name_is_one_line():
    done = count("tinny")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "no experiment is called 'tinny'" in done.stderr
