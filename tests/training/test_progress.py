import io

from vqvae_jax.training.progress import Progress


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run(stream, clock, steps, **options):
    with Progress(100, clips_per_step=8, stream=stream, clock=clock, **options) as progress:
        for step in steps:
            progress.update(step, {"loss": 1 / step, "psnr": 20.0})
            clock.now += 2.0
    return progress


def test_speed_and_time_left_leave_the_first_step_out():
    clock, out = Clock(), io.StringIO()
    progress = Progress(100, clips_per_step=8, stream=out, clock=clock, every_seconds=0)
    clock.now = 500.0  # compilation
    progress.update(1)
    assert progress.clips_per_second is None
    clock.now += 4.0
    progress.update(3, {"loss": 0.25})
    assert progress.clips_per_second == 4.0
    assert out.getvalue().splitlines()[-1] == "step 3/100  loss 0.25  4.0 clips/s  03:14 left"


def test_speed_is_that_of_the_last_half_minute_and_pauses_do_not_count():
    clock = Clock()
    progress = run(io.StringIO(), clock, range(1, 30))
    for step in range(31, 62, 2):
        progress.update(step)
        clock.now += 2.0
    assert progress.clips_per_second == 8.0
    progress.pause()
    clock.now += 1000.0
    progress.update(62)
    assert progress.clips_per_second is None


def test_without_a_terminal_a_line_appears_only_now_and_then_and_at_the_end():
    out = io.StringIO()
    run(out, Clock(), [1, 2, 3, 4, 5, 6, 100], every_seconds=5.0)
    assert [line.split()[1] for line in out.getvalue().splitlines()] == ["1/100", "4/100", "100/100"]


def test_on_a_terminal_there_is_a_bar_with_everything_on_it():
    out = Terminal()
    progress = run(out, Clock(), [10, 20, 50])
    progress.note("saved")
    last = out.getvalue().split("\r")[-1]
    assert all(part in out.getvalue() for part in ("50/100", "50%", "loss 0.02", "psnr 20", "clips/s", "left")), last
