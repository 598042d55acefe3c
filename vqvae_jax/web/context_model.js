// A level's grid of indices from its stream, by a context model, without WebAssembly: docs/entropy.md, "Symbols, in
// order, by a context model" (`msvqvae/indices/context_model.py`).

import { FlagContexts, coLocated, coarseRepeats } from "./contexts.js";
import { startsOfCosts, symbolAt } from "./frequencies.js";
import { RansReader, SCALE } from "./rans.js";

const NEIGHBOURS = 14;
const GROUP_ROWS = [0, 1, 0, 1];
const GROUP_COLUMNS = [0, 1, 1, 0];
const HIDDEN_MOST = 1023;
const COST_SHIFT = 7;

/** @param tables typed arrays by name, as docs/entropy.md lists them; `hidden` units, `codes` */
export function decodeContexts(tables, stream, shape, coarse) {
  const { codes, coarseCodes } = tables;
  const [steps, height, width] = shape;
  const wide = width + 2;
  const reader = new RansReader(stream);
  const near = coLocated(coarse, shape, coarseCodes, Int32Array);
  const nearFlags = coarseRepeats(coarse, shape);
  const contexts = new FlagContexts(tables, height, width);
  const distribution = new Distribution(tables);
  const indices = new Int32Array(steps * height * width);
  const unknown = () => new Int32Array((height + 2) * wide).fill(codes);
  let [now, before, earlier] = [unknown(), unknown(), unknown()];
  const away = [0, -wide, -1, 1, wide];
  const beside = [-wide - 1, -wide, -wide + 1, -1, 1, wide - 1, wide, wide + 1];
  const around = new Int32Array(NEIGHBOURS);
  for (let step = 0, first = 0; step < steps; step++, first += height * width) {
    if (step) readFlags(reader, contexts, indices, first, height, width, nearFlags, now, before);
    for (let group = 0; group < GROUP_ROWS.length; group++)
      for (let y = GROUP_ROWS[group]; y < height; y += 2)
        for (let x = GROUP_COLUMNS[group]; x < width; x += 2) {
          const place = (y + 1) * wide + x + 1;
          const at = first + y * width + x;
          if (step && contexts.flags[place] === 1) continue;
          for (let n = 0; n < 5; n++) around[n] = before[place + away[n]];
          around[5] = earlier[place];
          for (let n = 0; n < 8; n++) around[6 + n] = now[place + beside[n]];
          now[place] = indices[at] = distribution.read(reader, around, near[at], step ? 4 + group : group);
        }
    [earlier, before, now] = [before, now, earlier.fill(codes)];
    if (step) contexts.next();
  }
  reader.checkEnd();
  return { shape, data: indices };
}

/** Which indices of a step repeat the ones before; those go into `now`. */
function readFlags(reader, contexts, indices, first, height, width, nearFlags, now, before) {
  for (let y = 0, at = first; y < height; y++)
    for (let x = 0; x < width; x++, at++) {
      const place = (y + 1) * contexts.wide + x + 1;
      const chance = contexts.chance(place, before[place], nearFlags[at]);
      const repeats = reader.slot < chance;
      reader.take(repeats ? 0 : chance, repeats ? chance : SCALE - chance);
      contexts.flags[place] = repeats ? 1 : 0;
      if (repeats) now[place] = indices[at] = before[place];
    }
}

/** The network that says which index a changed one is. */
class Distribution {
  constructor(tables) {
    this.tables = tables;
    this.hidden = new Int32Array(tables.hidden);
    this.scores = new Int32Array(tables.codes);
    this.costs = new Uint8Array(tables.codes);
    this.starts = new Uint32Array(tables.codes + 1);
  }

  read(reader, around, near, group) {
    const { codes } = this.tables;
    this.#hiddenUnits(around, near, group);
    this.#scores();
    let most = this.scores[0];
    for (let k = 1; k < codes; k++) if (this.scores[k] > most) most = this.scores[k];
    for (let k = 0; k < codes; k++) this.costs[k] = Math.min((most - this.scores[k]) >> COST_SHIFT, 255);
    // A changed index is another one.
    if (around[0] < codes) this.costs[around[0]] = 255;
    startsOfCosts(this.costs, codes, this.starts);
    const symbol = symbolAt(this.starts, 0, codes, reader.slot);
    reader.take(this.starts[symbol], this.starts[symbol + 1] - this.starts[symbol]);
    return symbol;
  }

  #hiddenUnits(around, near, group) {
    const { codes, hidden: size, neighbours, coarse, groups } = this.tables;
    for (let r = 0; r < size; r++) {
      let sum = groups[group * size + r] + coarse[near * size + r];
      for (let n = 0; n < NEIGHBOURS; n++) sum += neighbours[(n * (codes + 1) + around[n]) * size + r];
      this.hidden[r] = sum < 0 ? 0 : sum > HIDDEN_MOST ? HIDDEN_MOST : sum;
    }
  }

  #scores() {
    const { codes, hidden: size, output, bias } = this.tables;
    const { scores } = this;
    scores.set(bias);
    for (let r = 0; r < size; r++) {
      const value = this.hidden[r];
      if (value) for (let k = 0, at = r * codes; k < codes; k++) scores[k] += value * output[at + k];
    }
  }
}
