// Grids of indices as contexts of finer ones (docs/entropy.md, "Context of a flag"; `msvqvae/indices/contexts.py`).
//
// A grid is { shape: [t, h, w], data: Int32Array }, w fastest.

export const NO_FLAG = 2; // "there is no such flag", beside 0 (changed) and 1 (repeated)

/** A coarser grid brought to `shape`: along each axis position i of n lies at i // ceil(n / m) of the m. */
export function coLocated(coarse, shape, none, type) {
  const [steps, height, width] = shape;
  const found = new type(steps * height * width).fill(none);
  if (!coarse) return found;
  const ratio = shape.map((size, axis) => Math.ceil(size / coarse.shape[axis]));
  const [, rows, columns] = coarse.shape;
  for (let t = 0, at = 0; t < steps; t++)
    for (let y = 0; y < height; y++) {
      const row = (Math.floor(t / ratio[0]) * rows + Math.floor(y / ratio[1])) * columns;
      for (let x = 0; x < width; x++) found[at++] = coarse.data[row + Math.floor(x / ratio[2])];
    }
  return found;
}

/** Whether the coarser level's index repeats the one a step before it, at every place of a finer grid of `shape`. */
export function coarseRepeats(coarse, shape) {
  if (!coarse) return coLocated(null, shape, NO_FLAG, Uint8Array);
  const step = coarse.shape[1] * coarse.shape[2];
  const flags = Uint8Array.from(coarse.data, (index, at) =>
    at < step ? NO_FLAG : index === coarse.data[at - step] ? 1 : 0,
  );
  return coLocated({ shape: coarse.shape, data: flags }, shape, NO_FLAG, Uint8Array);
}

/** What is known of one step's flags around each, in a grid with a border: contexts and flags of the step. */
export class FlagContexts {
  constructor(tables, height, width) {
    this.tables = tables;
    this.wide = width + 2;
    this.flags = new Uint8Array((height + 2) * this.wide).fill(NO_FLAG);
    this.past = this.flags.slice();
  }

  /** The chance of a repeat in 2^-16 at a place of the bordered grid. */
  chance(place, before, near) {
    const { flags, past, wide } = this;
    const base = (this.tables.activity[before] * 3 + past[place]) * 3 + near;
    return this.tables.repeat[base * 27 + flags[place - 1] * 9 + flags[place - wide] * 3 + flags[place - wide + 1]];
  }

  /** After a step. Every inner flag is written anew in the next one, and none is read before. */
  next() {
    [this.flags, this.past] = [this.past, this.flags];
  }
}
