// Latents of a group of pictures from their stream, unit by unit, without WebAssembly: docs/entropy.md, "Latents of
// `ntc`" (`ntc/codec/{latents,integer_prior}.py`).

import { CorruptStream } from "./errors.js";
import { MEAN_FRACTIONS, RADIUS, SCALES, logisticTables } from "./logistic_tables.js";
import { symbolAt } from "./frequencies.js";
import { RansReader } from "./rans.js";

const STEPS_OF_UNIT = 4;
const CLASSES = [[0, 2], [3, 1]]; // of a position by row and column, modulo 2
const CONTEXT_LIMIT = 31;
const HIDDEN_LIMIT = 511;
const MEAN_LIMIT = 2 ** 15;
const LATENT_LIMIT = 2 ** 15;
const RATE_STEPS = 64; // rate numbers from one trained lambda to the next

/** What hidden units begin with at a rate, int32 [W]; `prior` has the arrays of docs/entropy.md by name. */
export function rateBias({ first_bias: table, width, lambdas }, rate) {
  const place = Math.min(Math.floor(rate / RATE_STEPS), lambdas - 2);
  const part = rate - place * RATE_STEPS;
  return Int32Array.from({ length: width }, (_, n) => {
    const [low, high] = [table[place * width + n], table[(place + 1) * width + n]];
    return halved(low * (RATE_STEPS - part) + high * part, 6);
  });
}

/** By which powers of two sums are divided: of the first layer, the middle, means, scales. */
export function priorShifts([first, middle, out]) {
  return [-(first + 5), -middle, 1 - out, 2 - out];
}

/** Decodes a group of pictures: `units` grids of latents, int32 [h, w, M] each. */
export function* readLatents(prior, rate, skip, [height, width], units, stream) {
  const walk = new PlainWalk(prior, rate, skip, height, width, new RansReader(stream));
  for (let n = 0; n < units; n++) yield walk.unit();
  walk.reader.checkEnd();
}

class PlainWalk {
  constructor(prior, rate, skip, height, width, reader) {
    Object.assign(this, { prior, skip, height, width, reader });
    this.bias = rateBias(prior, rate);
    this.shifts = priorShifts(prior.exponents);
    this.before = this.earlier = new Int32Array(height * width * prior.latents);
    this.hidden = [new Int32Array(prior.width), new Int32Array(prior.width)];
  }

  unit() {
    const { latents, width } = this.prior;
    const places = this.height * this.width;
    const found = new Int32Array(places * latents);
    const known = new Float64Array(places * width);
    for (let n = 0; n < places; n++) known.set(this.bias, n * width);
    this.#spread(this.before, this.prior.past, 2 * latents, 0, known);
    this.#spread(this.earlier, this.prior.past, 2 * latents, latents, known);
    for (let step = 0; step < STEPS_OF_UNIT; step++) {
      const now = new Int32Array(places * latents);
      for (let y = 0, place = 0; y < this.height; y++)
        for (let x = 0; x < this.width; x++, place++) {
          const group = (step - CLASSES[y % 2][x % 2] + STEPS_OF_UNIT) % STEPS_OF_UNIT;
          this.#read(known, place, step, group, now);
        }
      this.#spread(now, this.prior.now, latents, 0, known);
      for (let n = 0; n < found.length; n++) found[n] += now[n];
    }
    [this.before, this.earlier] = [found, this.before];
    return found;
  }

  /** Adds what latents say to the sums of all positions around theirs. */
  #spread(grid, weights, inputs, first, known) {
    const { latents, width } = this.prior;
    for (let at = 0; at < grid.length; at++) {
      if (!grid[at]) continue;
      const value = Math.max(-CONTEXT_LIMIT, Math.min(CONTEXT_LIMIT, grid[at]));
      const [place, channel] = [Math.floor(at / latents), first + (at % latents)];
      const [y, x] = [Math.floor(place / this.width), place % this.width];
      for (let tap = 0; tap < 9; tap++) {
        // The tap through which a position sees this one.
        const [row, column] = [y - (Math.floor(tap / 3) - 1), x - ((tap % 3) - 1)];
        if (row < 0 || row >= this.height || column < 0 || column >= this.width) continue;
        const [from, to] = [(tap * inputs + channel) * width, (row * this.width + column) * width];
        for (let n = 0; n < width; n++) known[to + n] += value * weights[from + n];
      }
    }
  }

  /** Reads those latents of a position that belong to a step. */
  #read(known, place, step, group, now) {
    const { latents, width, steps, middle, middle_bias: middleBias, out, out_bias: outBias } = this.prior;
    const [first, second] = this.hidden;
    const [firstShift, middleShift, meanShift, scaleShift] = this.shifts;
    for (let n = 0; n < width; n++)
      first[n] = within(halved(known[place * width + n] + steps[step * width + n], firstShift), 0, HIDDEN_LIMIT);
    layerSums(first, middle, middleBias, width, 0, width, second);
    for (let n = 0; n < width; n++) second[n] = within(halved(second[n], middleShift), 0, HIDDEN_LIMIT);
    const quarter = latents / STEPS_OF_UNIT;
    const [means, scales] = [new Int32Array(quarter), new Int32Array(quarter)];
    layerSums(second, out, outBias, 2 * latents, group * quarter, quarter, means);
    layerSums(second, out, outBias, 2 * latents, latents + group * quarter, quarter, scales);
    for (let n = 0; n < quarter; n++) {
      const mean = within(halved(means[n], meanShift), -MEAN_LIMIT, MEAN_LIMIT);
      const scale = within(halved(scales[n], scaleShift), 0, SCALES - 1);
      now[place * latents + group * quarter + n] = this.#latent(mean, scale);
    }
  }

  #latent(mean, scale) {
    const { reader } = this;
    const tables = logisticTables();
    const whole = (mean + MEAN_FRACTIONS / 2) >> 4;
    const row = (scale * MEAN_FRACTIONS + mean - whole * MEAN_FRACTIONS + MEAN_FRACTIONS / 2) * (2 * RADIUS + 1);
    if (!whole && tables[row + RADIUS + 1] - tables[row + RADIUS] > this.skip) return 0;
    const place = symbolAt(tables, row, 2 * RADIUS, reader.slot);
    reader.take(tables[row + place], tables[row + place + 1] - tables[row + place]);
    let found = place - RADIUS + whole;
    if (place === 0) found -= reader.excess();
    if (place === 2 * RADIUS - 1) found += reader.excess();
    if (Math.abs(found) > LATENT_LIMIT) throw new CorruptStream(`a latent of ${Math.abs(found)}`);
    return found;
  }
}

/** Sums of some columns of a layer: values @ weights + bias. */
function layerSums(values, weights, bias, columns, first, count, sums) {
  for (let n = 0; n < count; n++) sums[n] = bias[first + n];
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value) for (let n = 0, at = i * columns + first; n < count; n++) sums[n] += value * weights[at + n];
  }
}

/** Over 2^times, to the nearest whole number, halves up. */
function halved(sum, times) {
  return times > 0 ? Math.floor((sum + 2 ** (times - 1)) / 2 ** times) : sum * 2 ** -times;
}

function within(value, low, high) {
  return value < low ? low : value > high ? high : value;
}
