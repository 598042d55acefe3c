import json
import time

import jax.numpy as jnp
import numpy as np
import pytest

from vqvae_jax.training.window import Window


def step(loss, revived=0.0, counts=(1, 0, 3)):
    return {"loss": jnp.float32(loss), "top/revived": jnp.float32(revived)}, {"top": jnp.asarray(counts, jnp.float32)}


def without_rates(logged):
    return {name: value for name, value in logged.items() if not name.endswith("per_second")}


def test_means_over_steps_sums_of_revived_and_health_of_all_vectors():
    window = Window()
    window.add(*step(1.0, 2, (4, 0, 0, 0)))
    window.add(*step(4.0, 3, (0, 2, 2, 0)))
    logged = window.close(4, 1e6)
    assert logged["loss"] == 2.5
    assert logged["top/revived"] == 5
    assert logged["top/usage"] == 0.75 and logged["top/unused"] == 1
    shares = np.array([0.5, 0.25, 0.25])
    assert logged["top/perplexity"] == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


def test_a_window_starts_empty_after_each_close():
    window = Window()
    window.add(*step(100.0))
    window.close(4, 1.0)
    assert window.get_state() == {"steps": 0}
    window.add(*step(3.0))
    assert window.close(4, 1.0)["loss"] == 3.0


def test_a_window_goes_on_in_another_process_to_the_same_bits():
    losses = np.random.default_rng(0).random(9).astype(np.float32) / 3
    straight = Window()
    for loss in losses:
        straight.add(*step(loss))
    for cut in range(len(losses)):
        first = Window()
        for loss in losses[:cut]:
            first.add(*step(loss))
        second = Window(json.loads(json.dumps(first.get_state())))
        for loss in losses[cut:]:
            second.add(*step(loss))
        assert second.get_state() == straight.get_state()
    assert without_rates(second.close(4, 1.0)) == without_rates(straight.close(4, 1.0))


def test_rates_are_of_the_steps_and_the_time_of_this_process_alone(monkeypatch):
    now = 100.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    before = Window()
    for _ in range(50):
        before.add(*step(1.0))
    window = Window(before.get_state())
    window.add(*step(1.0))  # compiles
    now = 130.0
    window.start_clock()
    window.add(*step(1.0))
    now = 130.75
    window.skip_time(0.25)  # as if it had been a validation
    logged = window.close(4, 1e6)
    assert logged["clips_per_second"] == 8.0  # 4 in half a second
    assert logged["flops_per_second"] == 2e6
