// Integer frequencies from costs of one byte (docs/entropy.md, "Frequencies from costs"; `entropy/frequencies.py`).

import { SCALE } from "./rans.js";

// round(2^20 * 2^(-k / 16)), written out: the last digit of a power function is not the same everywhere.
export const FRACTIONS = [
  1048576, 1004120, 961548, 920782, 881744, 844361, 808563, 774282,
  741455, 710020, 679917, 651091, 623487, 597053, 571740, 547500,
];

/** By cost. */
export const COST_WEIGHTS = Uint32Array.from({ length: 256 }, (_, cost) => FRACTIONS[cost % 16] >> (cost >> 4));

const costShares = new Uint32Array(256);

/** Sums of the frequencies below each symbol, from 0 to 2^16, of a row of `count` costs; into `starts` [count + 1]. */
export function startsOfCosts(costs, count, starts) {
  let total = 0;
  let first = 0;
  for (let k = 0; k < count; k++) {
    const weight = COST_WEIGHTS[costs[k]];
    total += weight;
    if (weight > COST_WEIGHTS[costs[first]]) first = k;
  }
  const free = SCALE - count;
  // Products stay under 2^53, and no fraction of such integers is rounded up to the next one.
  for (let cost = 0; cost < 256; cost++)
    costShares[cost] = Math.min(Math.floor((COST_WEIGHTS[cost] * free) / total), free);
  let left = free;
  for (let k = 0; k < count; k++) left -= costShares[costs[k]];
  let sum = 0;
  for (let k = 0; k < count; k++) {
    starts[k] = sum;
    sum += costShares[costs[k]] + 1 + (k === first ? left : 0);
  }
  starts[count] = sum;
}

/** The symbol with starts[symbol] <= slot < starts[symbol + 1], of `count` from `offset` on. */
export function symbolAt(starts, offset, count, slot) {
  let low = 0;
  for (let high = count; high - low > 1; ) {
    const middle = (low + high) >> 1;
    if (starts[offset + middle] <= slot) low = middle;
    else high = middle;
  }
  return low;
}
