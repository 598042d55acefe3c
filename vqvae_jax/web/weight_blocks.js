// Weights of 8 bits as the entropy kernels multiply with them (`entropy/kernel/{blocks.py,product.h}`).

export const TILE = 32;

/** int8 [R, K] -> int16 [ceil(K / TILE), R, TILE]; what is filled up is zero. */
export function weightBlocks(weights, columns) {
  const rows = weights.length / columns;
  const tiles = Math.ceil(columns / TILE);
  const found = new Int16Array(tiles * rows * TILE);
  for (let r = 0; r < rows; r++)
    for (let k = 0; k < columns; k++)
      found[(Math.floor(k / TILE) * rows + r) * TILE + (k % TILE)] = weights[r * columns + k];
  return found;
}

/** The greatest magnitude in every row: int32 [R]. */
export function largestOfRows(weights, columns) {
  const found = new Int32Array(weights.length / columns);
  for (let n = 0; n < weights.length; n++) {
    const row = Math.floor(n / columns);
    found[row] = Math.max(found[row], Math.abs(weights[n]));
  }
  return found;
}

/** Rows of `columns` filled up to a multiple. */
export function columnsPadded(array, columns, multiple, fill = 0) {
  const wide = Math.ceil(columns / multiple) * multiple;
  if (wide === columns) return array;
  const rows = array.length / columns;
  const found = new array.constructor(rows * wide).fill(fill);
  for (let r = 0; r < rows; r++) found.set(array.subarray(r * columns, (r + 1) * columns), r * wide);
  return found;
}
