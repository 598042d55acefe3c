"""The context model of docs/entropy.md read literally: one symbol after another, Python integers, nested lists."""

from tests.msvqvae.indices.reference_decoder import SymbolReader, context_of, frequencies_of, sixteenths

BEFORE = [(0, 0), (-1, 0), (0, -1), (0, 1), (1, 0)]
AROUND = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)]


def group_of(y, x):
    return {(0, 0): 0, (1, 1): 1, (0, 1): 2, (1, 0): 3}[y % 2, x % 2]


def at(step, y, x, unknown):
    """An index of a step, or "unknown" outside of the grid and where it is not decoded yet."""
    inside = step is not None and 0 <= y < len(step) and 0 <= x < len(step[0])
    return step[y][x] if inside and step[y][x] is not None else unknown


def costs_of(arrays, tokens, near, first, group, codes):
    """Costs of all codes for one index, from what is known around it."""
    units = range(len(arrays["output"]))
    hidden = [arrays["groups"][0 if first else 1][group][r] + arrays["coarse"][near][r] for r in units]
    for number, token in enumerate(tokens):
        hidden = [hidden[r] + arrays["neighbours"][number][token][r] for r in units]
    hidden = [min(max(h, 0), 1023) for h in hidden]
    scores = [arrays["bias"][k] + sum(hidden[r] * arrays["output"][r][k] for r in units) for k in range(codes)]
    costs = [min((max(scores) - score) // 128, 255) for score in scores]
    if tokens[0] != codes:
        costs[tokens[0]] = 255
    return costs


def decoded_by_contexts(stream, shape, arrays, coarse=None):
    """Nested lists [T][H][W] of indices, from a stream and the stored arrays."""
    steps, height, width = shape
    codes, none = len(arrays.activity), len(arrays.coarse) - 1
    lists = {name: value.tolist() for name, value in arrays._asdict().items()}
    sixteen, reader = sixteenths(), SymbolReader(stream)
    coarse = None if coarse is None else coarse.tolist()
    places = [(y, x) for y in range(height) for x in range(width)]
    grid = []
    for t in range(steps):
        now = [[None] * width for _ in range(height)]
        before, earlier = (grid[t - 1] if t >= 1 else None), (grid[t - 2] if t >= 2 else None)
        if t:
            # Flags look at flags alone: a change is written down as an index that differs.
            flags = [[-1] * width for _ in range(height)]
            known = [*grid, flags, *[None] * (steps - t - 1)]
            for y, x in places:
                chance = lists["repeat"][context_of(t, y, x, known, coarse, lists["activity"])]
                if reader.symbol([chance, 65536 - chance]) == 0:
                    flags[y][x] = now[y][x] = before[y][x]
        for group in range(4):
            for y, x in (place for place in places if group_of(*place) == group and now[place[0]][place[1]] is None):
                tokens = [at(before, y + dy, x + dx, codes) for dy, dx in BEFORE]
                tokens.append(at(earlier, y, x, codes))
                tokens += [at(now, y + dy, x + dx, codes) for dy, dx in AROUND]
                near = none
                if coarse is not None:
                    sizes = len(coarse), len(coarse[0]), len(coarse[0][0])
                    ct, cy, cx = (p // -(-n // c) for p, n, c in zip((t, y, x), shape, sizes, strict=True))
                    near = coarse[ct][cy][cx]
                costs = costs_of(lists, tokens, near, t == 0, group, codes)
                # Known to later groups only: no two positions of a group are neighbours.
                now[y][x] = reader.symbol(frequencies_of(costs, sixteen))
        grid.append(now)
    assert reader.state == 1 << 24 and not reader.rest
    return grid
