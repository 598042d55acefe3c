"""Which chunks the page decodes and keeps, and which frame is due, for many random seeks."""

import json
import random

from tests.web.in_node import FOLDER, needs_node, node

pytestmark = needs_node
FRAME_BYTES = 100


def ran(*jobs):
    result = node(FOLDER / "schedule.mjs", input=json.dumps(jobs).encode())
    assert result.returncode == 0, result.stderr.decode()
    return json.loads(result.stdout)


def test_the_chunk_at_the_head_comes_first_then_those_after_it_and_no_more_than_the_budget_is_kept():
    rng, jobs = random.Random(0), []
    for _ in range(200):
        chunks, size = rng.randint(1, 12), rng.randint(1, 4)
        frames = chunks * size - rng.randrange(size)
        budget = rng.randint(1, 14) * size * FRAME_BYTES + rng.randrange(FRAME_BYTES)
        steps = [(rng.randrange(chunks), rng.random() < 0.5, rng.choice((1, 2, 99))) for _ in range(8)]
        sizes = {"chunks": chunks, "chunkFrames": size, "frames": frames, "frameBytes": FRAME_BYTES}
        jobs.append({"sizes": sizes, "budget": budget, "steps": steps})
    for job, results in zip(jobs, ran(*jobs), strict=True):
        chunks, fit = job["sizes"]["chunks"], job["budget"] // (job["sizes"]["chunkFrames"] * FRAME_BYTES)
        before = set()
        for (head, loops, most), result in zip(job["steps"], results, strict=True):
            ahead = [(head + n) % chunks for n in range(chunks) if loops or head + n < chunks]
            missing = [chunk for chunk in ahead if chunk not in before]
            # In order from the head, without what is there: a prefix of what is missing.
            assert result["wishes"] == missing[: len(result["wishes"])]
            if most == 99:
                assert set(ahead[: max(fit - 1, 1)]) <= set(result["kept"])
            assert head in result["kept"]
            before = set(result["kept"])


def test_frames_follow_the_clock_and_end_or_begin_anew():
    times = [7 * n for n in range(400)]
    straight, looped = ran(
        *({"frames": 50, "rate": 29.97, "loops": loops, "start": 3, "times": times, "missing": []} for loops in (0, 1))
    )
    due = [3 + int(time * 29.97 / 1000) for time in times]
    assert all(abs(frame - min(n, 49)) <= 1 for (frame, _), n in zip(straight, due, strict=True))
    assert straight[-1] == [49, False] and straight[100][1]
    assert all((n % 50 - frame) % 50 <= 1 for (frame, _), n in zip(looped, due, strict=True))


def test_playing_waits_for_a_frame_that_is_not_there_and_a_long_sleep_skips_nothing():
    waiting, slept = ran(
        {"frames": 50, "rate": 25, "loops": False, "start": 0, "times": [*range(0, 4000, 20)], "missing": [9]},
        {"frames": 500, "rate": 25, "loops": False, "start": 0, "times": [40, 9000, 9040], "missing": []},
    )
    assert waiting[-1] == [8, True]
    assert [frame for frame, _ in slept] == [1, 2, 3]
