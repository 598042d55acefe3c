// `context_model.js` in WebAssembly: `msvqvae/indices/grid_kernel.c`, the bytes that Python runs (`grid_kernel.py`).

import { coLocated, coarseRepeats } from "./contexts.js";
import { COST_WEIGHTS } from "./frequencies.js";
import { Kernel } from "./kernel.js";
import { CoderStruct } from "./rans.js";
import { columnsPadded, largestOfRows, weightBlocks } from "./weight_blocks.js";

const UNIT_LANES = 8; // hidden units are filled up to a multiple
const CODES_AT_ONCE = 32; // codes likewise
const NEVER = -(2 ** 30); // score of a code that is none

/** Decodes grids of one level. */
export class GridKernel {
  static async made(bytes, tables) {
    const { codes, hidden } = tables;
    const filled = Math.ceil(hidden / UNIT_LANES) * UNIT_LANES;
    const output = new Int8Array(filled * codes);
    output.set(tables.output);
    const bias = columnsPadded(tables.bias, codes, CODES_AT_ONCE, NEVER);
    const kernel = await Kernel.compiled(bytes, [
      tables.activity,
      tables.repeat,
      ...["neighbours", "coarse", "groups"].map((name) => columnsPadded(tables[name], hidden, UNIT_LANES)),
      weightBlocks(output, codes),
      bias,
      largestOfRows(output, codes),
      COST_WEIGHTS,
    ]);
    return new GridKernel(kernel, tables, filled);
  }

  constructor(kernel, tables, hidden) {
    this.kernel = kernel;
    this.tables = tables;
    this.hidden = hidden;
  }

  release() {
    this.kernel.release();
  }

  /** As `decodeContexts`. */
  decode(stream, shape, coarse) {
    const { kernel, tables } = this;
    const coder = new CoderStruct(stream);
    kernel.begin();
    const count = shape[0] * shape[1] * shape[2];
    const near = coLocated(coarse, shape, tables.coarseCodes, Int32Array);
    const [grid, nearAt, flagsAt] = kernel.put([new Int32Array(count), near, coarseRepeats(coarse, shape)]);
    const coderAt = coder.put(kernel);
    const fields = [tables.codes, this.hidden, ...shape, ...kernel.addresses, grid, nearAt, flagsAt, coderAt, 0];
    const [walk] = kernel.put([Int32Array.from(fields)]);
    kernel.view(Int32Array, walk, fields.length)[fields.length - 1] = kernel.end;
    kernel.call("run", walk);
    coder.update(kernel, coderAt);
    return { shape, data: kernel.view(Int32Array, grid, count).slice() };
  }
}
