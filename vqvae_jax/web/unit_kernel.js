// `ntc_prior.js` in WebAssembly: `ntc/codec/unit_kernel.c`, the bytes that Python runs (`unit_kernel.py`).

import { Kernel } from "./kernel.js";
import { logisticTables } from "./logistic_tables.js";
import { priorShifts, rateBias } from "./ntc_prior.js";
import { CoderStruct } from "./rans.js";
import { TILE, columnsPadded, largestOfRows, weightBlocks } from "./weight_blocks.js";

const QUARTERS = 4; // of the channels, one to each coding step of a position

export class UnitKernel {
  static async made(bytes, prior) {
    const { latents, width } = prior;
    const filled = Math.ceil(width / TILE) * TILE;
    const rows = (weights, columns) => {
      const found = new Int8Array(filled * columns);
      found.set(weights);
      return found;
    };
    const middle = rows(prior.middle, width);
    const out = rows(prior.out, 2 * latents);
    const kernel = await Kernel.compiled(bytes, [
      weightBlocks(prior.past, width),
      weightBlocks(prior.now, width),
      weightBlocks(middle, width),
      largestOfRows(middle, width),
      columnsPadded(prior.middle_bias, width, TILE),
      byQuarters(out, 2 * latents, latents, weightBlocks, Int16Array),
      largestOfRows(out, 2 * latents),
      byQuarters(prior.out_bias, 2 * latents, latents, (part, size) => columnsPadded(part, size, TILE), Int32Array),
      columnsPadded(prior.steps, width, TILE),
      logisticTables(),
    ]);
    return new UnitKernel(kernel, prior, filled);
  }

  constructor(kernel, prior, hidden) {
    this.kernel = kernel;
    this.prior = prior;
    this.hidden = hidden;
  }

  release() {
    this.kernel.release();
  }

  /** As `readLatents`. */
  *read(rate, skip, [height, width], units, stream) {
    const { kernel, prior } = this;
    const coder = new CoderStruct(stream);
    const bias = columnsPadded(rateBias(prior, rate), prior.width, TILE);
    const count = height * width * prior.latents;
    let before = new Int32Array(count);
    let earlier = before;
    for (let n = 0; n < units; n++) {
      kernel.begin();
      const grids = kernel.put([bias, before, earlier, new Int32Array(count)]);
      const coderAt = coder.put(kernel);
      const sizes = [height, width, prior.latents, this.hidden, skip, ...priorShifts(prior.exponents)];
      const fields = [...sizes, ...kernel.addresses, ...grids, coderAt, 0, 0];
      const [walk] = kernel.put([Int32Array.from(fields)]);
      kernel.view(Int32Array, walk, fields.length)[fields.length - 2] = kernel.end;
      kernel.call("run", walk);
      coder.update(kernel, coderAt);
      [before, earlier] = [kernel.view(Int32Array, grids[3], count).slice(), before];
      yield before;
    }
    coder.checkEnd();
  }
}

/** Of every quarter of the channels its columns for means, then those for scales, made ready; one after the other. */
function byQuarters(array, columns, latents, ready, type) {
  const quarter = latents / QUARTERS;
  const rows = array.length / columns;
  const parts = Array.from({ length: QUARTERS }, (_, number) => {
    const part = new array.constructor(rows * 2 * quarter);
    for (let r = 0; r < rows; r++)
      for (let n = 0; n < quarter; n++) {
        part[r * 2 * quarter + n] = array[r * columns + number * quarter + n];
        part[r * 2 * quarter + quarter + n] = array[r * columns + latents + number * quarter + n];
      }
    return ready(part, 2 * quarter);
  });
  const found = new type(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (found.set(part, at), at + part.length), 0);
  return found;
}
