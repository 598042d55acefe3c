// Frequencies of whole numbers under logistic distributions, made of whole numbers alone (docs/entropy.md, "Mixtures",
// with the one component that "Latents of `ntc`" asks for; `entropy/{logistic_tables,mixtures}.py`).

import { FRACTIONS } from "./frequencies.js";
import { SCALE } from "./rans.js";

export const RADIUS = 32; // symbols lie in [-32, 32)
export const MEAN_FRACTIONS = 16; // of a mean, to a whole number
export const SCALES = 64;
const STEPS = 128; // of the distribution function's table, per unit
const TABLE_END = 22; // beyond it the rest is under 2^-31
const ONE = 2 ** 30;

let logisticStarts = null;

/** Sums of frequencies below each symbol, uint32 [scale * 16 + fraction + 8, 65]. */
export function logisticTables() {
  return (logisticStarts ??= madeTables());
}

function madeTables() {
  const wide = 2 * RADIUS + 1;
  const found = new Uint32Array(SCALES * MEAN_FRACTIONS * wide);
  const table = distributionTable();
  for (let row = 0, at = 0; row < SCALES * MEAN_FRACTIONS; row++)
    for (let k = -RADIUS; k <= RADIUS; k++, at++) {
      const [mean, scale] = [4 * ((row % MEAN_FRACTIONS) - MEAN_FRACTIONS / 2), 2 * Math.floor(row / MEAN_FRACTIONS)];
      const below = k === -RADIUS ? 0 : k === RADIUS ? ONE : portion(table, 64 * k - 32 - mean, scale);
      // As floor(256 F (2^16 - 2 R) / 2^38): all products stay under 2^53.
      found[at] = Math.floor((below * (SCALE - 2 * RADIUS)) / ONE) + k + RADIUS;
    }
  return found;
}

/** 2^30 times the part of a distribution below a distance from its mean, in 1/64. */
function portion(table, distance, scale) {
  const inverse = FRACTIONS[scale % 16] >> (scale >> 4);
  const at = Math.floor((Math.abs(distance) * inverse) / 8);
  const step = Math.min(Math.floor(at / 4096), table.length - 2);
  const rest = Math.min(at - step * 4096, 4096);
  const upper = table[step] + Math.floor(((table[step + 1] - table[step]) * rest) / 4096);
  return distance < 0 ? ONE - upper : upper;
}

/** 2^30 / (1 + exp(-n / 128)) to the nearest: the last digit of a machine's `exp` is its own, so by whole numbers. */
function distributionTable() {
  const bits = 120n;
  const one = 1n << bits;
  let [step, term] = [0n, one]; // exp(-1 / 128) by its series
  for (let n = 1n; term; n++) {
    step += term;
    term = -term / (BigInt(STEPS) * n);
  }
  const table = [];
  for (let n = 0, power = one; n < TABLE_END * STEPS; n++, power = (power * step) >> bits)
    table.push(Number(((one << 31n) / (one + power) + 1n) >> 1n));
  return [...table, ONE];
}
