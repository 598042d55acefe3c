import os
import signal
import time

import pytest

from data_prep.pool import Pool, WorkerError


def behave(task, tick):
    if task == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if task == "exit":
        os._exit(3)
    if task == "hang":
        time.sleep(1000)
    if task == "slow":
        for _ in range(40):
            time.sleep(0.1)
            tick()
    if task == "raise":
        raise OSError(28, "No space left on device")
    return task * 2


def test_a_crash_or_a_hang_costs_its_own_task_only():
    tasks = [1, "segfault", 2, "hang", "exit", 3, "slow", 4]
    with Pool(2, patience=3) as pool:
        outcomes = {o.task: o for o in pool.run(behave, tasks)}
    assert [outcomes[i].value for i in (0, 2, 5, 6, 7)] == [2, 4, 6, "slowslow", 8]
    assert "SIGSEGV" in outcomes[1].lost
    assert "no progress" in outcomes[3].lost
    assert "exit code 3" in outcomes[4].lost


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
