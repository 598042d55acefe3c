"""Lines and bars of long work, on a clock of the test's own."""

import io
import threading

from vqvae_jax.progress import Progress, counted, working


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def training(stream, clock, **options):
    progress = Progress("step", unit="clips", chatty=True, stream=stream, clock=clock, **options)
    progress.begin(100, each=8)
    return progress


def run(stream, clock, steps, **options):
    with training(stream, clock, **options) as progress:
        for step in steps:
            progress.update(step, {"loss": 1 / step, "psnr": 20.0})
            clock.now += 2.0
    return progress


def test_speed_and_time_left_leave_the_first_step_out():
    clock, out = Clock(), io.StringIO()
    progress = training(out, clock, every_seconds=0)
    clock.now = 500.0  # compilation
    progress.update(1)
    assert progress.speed is None
    clock.now += 4.0
    progress.update(3, {"loss": 0.25})
    assert progress.speed == 4.0
    assert out.getvalue().splitlines()[-1] == "step 3/100  loss 0.25  4.0 clips/s  03:14 left"


def test_speed_is_that_of_the_last_half_minute_and_pauses_do_not_count():
    clock = Clock()
    progress = run(io.StringIO(), clock, range(1, 30))
    for step in range(31, 62, 2):
        progress.update(step)
        clock.now += 2.0
    assert progress.speed == 8.0
    progress.pause()
    clock.now += 1000.0
    progress.update(62)
    assert progress.speed is None


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


def test_while_nothing_advances_a_line_comes_all_the_same():
    clock, out = Clock(), io.StringIO()
    progress = Progress("decoding", 12, "videos", stream=out, clock=clock)
    progress.update(3)
    for second in range(1, 151):
        clock.now = float(second)
        progress.look()
    assert out.getvalue().splitlines() == [f"decoding 3/12  nothing new for {n} s" for n in (60, 120)]


def test_work_without_a_count_is_named_with_its_time_until_the_count_goes_on():
    clock, out = Clock(), io.StringIO()
    progress = training(out, clock)
    progress.doing("compiling")
    for second in range(1, 66):
        clock.now = float(second)
        progress.look()
    progress.update(1)
    clock.now = 130.0
    progress.update(2)
    assert out.getvalue().splitlines() == ["compiling, 60 s", "step 1/100", "step 2/100  0.1 clips/s  1:46:10 left"]


def test_what_is_worked_on_together_counts_together(monkeypatch):
    told = []
    monkeypatch.setattr(Progress, "update", lambda self, done, values=None: told.append(done))
    frames = counted(range(7), 7, "encoding", together=3)
    seen = [(next(frames), list(told)) for _ in range(7)]
    assert seen[2] == (2, []) and seen[3] == (3, [3]) and seen[6] == (6, [3, 6])
    assert next(frames, None) is None and told == [3, 6, 7]


def test_quick_work_is_silent_where_there_is_no_terminal_and_leaves_no_thread(capsys):
    assert list(counted(range(3), 3, "encoding")) == [0, 1, 2]
    with working("waiting"):
        pass
    assert capsys.readouterr() == ("", "")
    ours = [thread for thread in threading.enumerate() if thread.name == "progress"]
    for thread in ours:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in ours)  # other tests' threads come and go


def test_the_lines_come_by_themselves():
    class Told(io.StringIO):
        lines = threading.Semaphore(0)

        def write(self, text):
            if "\n" in text:
                self.lines.release()
            return super().write(text)

    out = Told()
    with Progress("waiting", every_seconds=0.01, stream=out) as progress:
        progress.doing("waiting for 1 of 2 processes")
        assert all(out.lines.acquire(timeout=600) for _ in range(3))
    assert all(line.startswith("waiting for 1 of 2 processes, ") for line in out.getvalue().splitlines())


def test_of_several_processes_only_one_speaks():
    out = io.StringIO()
    run(out, Clock(), [1, 50, 100], speaks=False)
    assert out.getvalue() == ""


def test_on_a_terminal_work_without_a_count_is_named_too():
    clock, out = Clock(), Terminal()
    progress = training(out, clock)
    progress.doing("compiling")
    clock.now = 7.0
    progress.look()
    assert "compiling, 7 s" in out.getvalue()
    progress.update(50)
    progress.close()
    assert "50/100" in out.getvalue().split("compiling, 7 s")[-1]
