// Weights come from a file: a layer that does not fit what it is given would compute with anything.

import { MsvError } from "./errors.js";

/** @throws {MsvError} unless a convolution fits its input and what it is added to or written over */
export function checkLayer(x, inputs, others, outputs) {
  checkChannels(x, inputs);
  for (const grid of others) if (grid) checkChannels(grid, outputs);
}

/** @throws {MsvError} unless a norm's numbers are as many as channels, or as the channels of a slice */
export function checkNorm({ channels }, scale, bias) {
  const fits = scale.length > 0 && channels % scale.length === 0 && (!bias || bias.length === scale.length);
  if (!fits) throw new MsvError(`the model: a norm of ${scale.length} numbers for ${channels} channels; it is damaged`);
}

/** @throws {MsvError} unless a table has all rows that are asked for */
export function checkRows(table, channels, rows) {
  const most = rows.reduce((found, row) => Math.max(found, row), 0);
  if (table.length < channels * (most + 1))
    throw new MsvError("the model: a table is shorter than it says; it is damaged");
}

/** @throws {MsvError} unless a position's channels are blocks of so many positions, of `channels` each */
export function checkBlocks(grid, positions, channels = grid.channels / positions) {
  if (Number.isInteger(channels) && channels > 0) checkChannels(grid, positions * channels);
  else checkChannels(grid, positions);
}

function checkChannels(grid, channels) {
  if (grid.channels === channels) return;
  throw new MsvError(`the model: a layer of ${channels} channels meets ${grid.channels}; it is damaged`);
}
