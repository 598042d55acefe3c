import json
import time

import jax.numpy as jnp
import numpy as np

from vqvae_jax.training.task import StepMetrics
from vqvae_jax.training.window import Window


def step(loss, revived=0.0, counts=(1, 0, 3)):
    totals, histograms = {"top/revived": jnp.float32(revived)}, {"top": jnp.asarray(counts, jnp.float32)}
    return StepMetrics({"loss": jnp.float32(loss)}, totals, histograms, jnp.asarray(True))


def health(histograms):
    return {f"{name}/unused": jnp.sum(counts == 0) for name, counts in histograms.items()}


def new_window(state=None):
    return Window(health, state)


def without_rates(logged):
    return {name: value for name, value in logged.items() if not name.endswith("per_second")}


def test_means_over_steps_sums_of_totals_and_health_of_all_vectors():
    window = new_window()
    window.add(step(1.0, 2, (4, 0, 0, 0)))
    window.add(step(4.0, 3, (0, 2, 2, 0)))
    logged = window.close(4, 1e6)
    assert logged["loss"] == 2.5
    assert logged["top/revived"] == 5
    assert logged["top/unused"] == 1


def test_a_window_starts_empty_after_each_close():
    window = new_window()
    window.add(step(100.0))
    window.close(4, 1.0)
    assert window.get_state() == {"steps": 0}
    window.add(step(3.0))
    assert window.close(4, 1.0)["loss"] == 3.0


def test_a_window_goes_on_in_another_process_to_the_same_bits():
    losses = np.random.default_rng(0).random(9).astype(np.float32) / 3
    straight = new_window()
    for loss in losses:
        straight.add(step(loss))
    for cut in range(len(losses)):
        first = new_window()
        for loss in losses[:cut]:
            first.add(step(loss))
        second = new_window(json.loads(json.dumps(first.get_state())))
        for loss in losses[cut:]:
            second.add(step(loss))
        assert second.get_state() == straight.get_state()
    assert without_rates(second.close(4, 1.0)) == without_rates(straight.close(4, 1.0))


def test_rates_are_of_the_steps_and_the_time_of_this_process_alone(monkeypatch):
    now = 100.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    before = new_window()
    for _ in range(50):
        before.add(step(1.0))
    window = new_window(before.get_state())
    window.add(step(1.0))  # compiles
    now = 130.0
    window.start_clock()
    window.add(step(1.0))
    now = 130.75
    window.skip_time(0.25)  # as if it had been a validation
    logged = window.close(4, 1e6)
    assert logged["clips_per_second"] == 8.0  # 4 in half a second
    assert logged["flops_per_second"] == 2e6


def test_an_open_window_of_another_layout_is_left_and_the_run_goes_on():
    window = new_window({"steps": 3, "scalars": {"loss": 9.0}, "counts": {"top": [1.0, 0.0, 0.0]}})
    window.add(step(2.0))
    assert window.close(4, 1.0)["loss"] == 2.0
