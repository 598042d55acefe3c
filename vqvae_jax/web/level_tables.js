// What the entropy coder has for a level of indices, and what decodes with it.

import { decodeContexts } from "./context_model.js";
import { MsvError } from "./errors.js";
import { GridKernel } from "./grid_kernel.js";
import { decodePairs } from "./pair_tables.js";

const REPEAT_CONTEXTS = 1944;

/** What the entropy coder has for a level, checked (docs/entropy.md, "range"). */
export function levelTables(tensors, level, codes, coarseCodes, pairs) {
  const found = { codes, coarseCodes, pairs };
  const take = (name, dtype, shape) => {
    const tensor = tensors[`tables/${level}/${name}`];
    const fits = tensor?.dtype === dtype && tensor.shape.length === shape.length;
    if (!fits || !shape.every((size, axis) => size === (tensor.shape[axis] || NaN) || size === -1))
      throw new MsvError(`the model: its tables of level ${level} are damaged (${name})`);
    found[name] = tensor.data;
    return tensor.shape;
  };
  take("activity", "U8", [codes]);
  take("repeat", "U16", [REPEAT_CONTEXTS]);
  let wrong = codes > 32768 || found.activity.some((n) => n > 7) || found.repeat.some((n) => n < 1);
  if (pairs) {
    for (const [name, count] of [["previous", codes], ["first", codes + 1]]) {
      const [rows] = take(`${name}_costs`, "U8", [-1, codes]);
      take(`${name}_rows`, "U16", [count]);
      wrong ||= found[`${name}_rows`].some((row) => row >= rows);
    }
  } else {
    [found.hidden] = take("output", "I8", [-1, codes]);
    take("neighbours", "I8", [14, codes + 1, found.hidden]);
    take("coarse", "I8", [coarseCodes + 1, found.hidden]);
    take("groups", "I16", [2, 4, found.hidden]);
    take("bias", "I32", [codes]);
    const most = found.bias.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    wrong ||= found.hidden * 1023 * 128 + most >= 2 ** 24;
  }
  if (wrong) throw new MsvError(`the model: its tables of level ${level} are damaged`);
  return found;
}

/** Its `decode(stream, shape, coarse)`: by the kernel's bytes where there are some, and format 2 tables. */
export async function levelCoder(tables, kernel) {
  if (kernel && !tables.pairs) return GridKernel.made(kernel, tables);
  const decode = tables.pairs ? decodePairs : decodeContexts;
  return { decode: (stream, shape, coarse) => decode(tables, stream, shape, coarse), release() {} };
}
