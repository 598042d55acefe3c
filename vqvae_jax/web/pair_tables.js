// A level's grid of indices from its stream, by pair tables: what bundles of format 1 hold (docs/entropy.md, "Symbols,
// in order, by pair tables"; `msvqvae/indices/pair_tables.py`).

import { FlagContexts, coarseRepeats } from "./contexts.js";
import { startsOfCosts, symbolAt } from "./frequencies.js";
import { RansReader, SCALE } from "./rans.js";

/** @param tables typed arrays by name, as docs/entropy.md lists them; `codes` */
export function decodePairs(tables, stream, shape, coarse) {
  const { codes } = tables;
  const [steps, height, width] = shape;
  const reader = new RansReader(stream);
  const firsts = (tables.firstStarts ??= allStarts(tables.first_costs, codes));
  const pairs = (tables.pairStarts ??= allStarts(tables.previous_costs, codes));
  const nearFlags = coarseRepeats(coarse, shape);
  const contexts = new FlagContexts(tables, height, width);
  const indices = new Int32Array(steps * height * width);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at++) {
      const neighbour = x ? indices[at - 1] : y ? indices[at - width] : codes;
      indices[at] = readSymbol(reader, firsts, tables.first_rows[neighbour] * (codes + 1), codes);
    }
  for (let step = 1, at = height * width; step < steps; step++, contexts.next())
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++, at++) {
        const place = (y + 1) * contexts.wide + x + 1;
        const before = indices[at - height * width];
        const chance = contexts.chance(place, before, nearFlags[at]);
        const repeats = reader.slot < chance;
        reader.take(repeats ? 0 : chance, repeats ? chance : SCALE - chance);
        contexts.flags[place] = repeats ? 1 : 0;
        const row = tables.previous_rows[before] * (codes + 1);
        indices[at] = repeats ? before : readSymbol(reader, pairs, row, codes);
      }
  reader.checkEnd();
  return { shape, data: indices };
}

function readSymbol(reader, starts, row, codes) {
  const symbol = symbolAt(starts, row, codes, reader.slot);
  const start = starts[row + symbol];
  reader.take(start, starts[row + symbol + 1] - start);
  return symbol;
}

/** Sums of frequencies of every row of costs, [rows, codes + 1]. */
function allStarts(costs, codes) {
  const rows = costs.length / codes;
  const starts = new Uint32Array(rows * (codes + 1));
  for (let row = 0; row < rows; row++)
    startsOfCosts(costs.subarray(row * codes), codes, starts.subarray(row * (codes + 1)));
  return starts;
}
