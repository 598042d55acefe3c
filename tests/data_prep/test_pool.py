import os
import signal
import time
from pathlib import Path

import pytest

from data_prep.pool import Pool, WorkerError


def behave(task, tick):
    if task == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if task == "exit":
        os._exit(3)
    if isinstance(task, Path):
        task.touch()
    if task == "hang" or isinstance(task, Path):
        time.sleep(100_000)
    if task == "slow":
        for _ in range(40):
            time.sleep(0.1)
            tick()
    if task == "raise":
        raise OSError(28, "No space left on device")
    return task * 2


def test_a_crash_costs_its_own_task_only():
    tasks = [1, "segfault", 2, "exit", 3, 4]
    with Pool(2) as pool:
        outcomes = {o.task: o for o in pool.run(behave, tasks)}
    assert [outcomes[i].value for i in (0, 2, 4, 5)] == [2, 4, 6, 8]
    assert "SIGSEGV" in outcomes[1].lost
    assert "exit code 3" in outcomes[3].lost


def test_a_hang_costs_its_own_task_only(tmp_path):
    """The clock stands until all others are done and the one that hangs has begun, and then runs."""
    done, now = {}, [0.0]

    def clock():
        if len(done) == 3 and (tmp_path / "begun").exists():
            now[0] += 4.0
        return now[0]

    with Pool(2, patience=3, clock=clock) as pool:
        for outcome in pool.run(behave, [1, tmp_path / "begun", 2, 3]):
            done[outcome.task] = outcome
    assert [done[i].value for i in (0, 2, 3)] == [2, 4, 6]
    assert done[1].lost == "no progress for 3 s"


def test_signs_of_life_keep_a_slow_task():
    """Two seconds go by before each message, with a patience of three: two unheeded messages would end the worker."""

    class Slow(Pool):
        now, messages = 0.0, 0

        def _hear(self, slot):
            self.now += 2.0
            self.messages += 1
            return super()._hear(slot)

    with Slow(1, patience=3) as pool:
        pool._clock = lambda: pool.now
        (outcome,) = pool.run(behave, ["slow"])
    assert outcome.value == "slowslow"
    assert pool.messages >= 4  # it is up, has begun, lives, is done


def test_an_exception_comes_back_as_itself_and_no_process_stays():
    with Pool(2) as pool:
        with pytest.raises(WorkerError) as raised:
            list(pool.run(behave, ["raise", "hang"]))
        assert isinstance(raised.value.cause, OSError) and raised.value.cause.errno == 28
        processes = [w.process for w in pool._workers if w]
    assert processes and not any(p.is_alive() for p in processes)


def test_no_tasks_no_outcomes_and_a_pool_can_be_used_again():
    with Pool(1) as pool:
        assert list(pool.run(behave, [])) == []
        assert [o.value for o in pool.run(behave, [1])] == [2]
        assert sorted(o.value for o in pool.run(behave, [2, 3])) == [4, 6]
