// Indices of fixed length, and by DEFLATE (docs/entropy.md, "fixed" and "deflate"; `entropy/plain.py`).

import { CorruptStream, MsvError } from "./errors.js";
import { inflated } from "./bundle.js";

const DEFLATE_RATIO = 1032; // at most: 258 bytes from two bits

/** Indices of ceil(log2 codes) bits each, the highest first. */
export function decodeFixed(stream, shape, codes) {
  const count = shape[0] * shape[1] * shape[2];
  const width = 32 - Math.clz32(codes - 1);
  if (stream.length !== Math.ceil((count * width) / 8))
    throw new CorruptStream(`${count} indices of ${width} bits are not ${stream.length} bytes`);
  const bit = (at) => (stream[at >> 3] >> (7 - (at & 7))) & 1;
  for (let at = count * width; at < 8 * stream.length; at++)
    if (bit(at)) throw new CorruptStream("fixed-length indices end in bits that are not zero");
  const data = new Int32Array(count);
  for (let n = 0, at = 0; n < count; n++) for (let k = 0; k < width; k++) data[n] = data[n] * 2 + bit(at++);
  return checkedIndices({ shape, data }, codes);
}

/** One zlib stream of 16-bit indices; never unpacks more than the shape needs. */
export async function decodeDeflate(stream, shape, codes) {
  const size = 2 * shape[0] * shape[1] * shape[2];
  if (size > DEFLATE_RATIO * stream.length)
    throw new CorruptStream(`${size} bytes cannot come out of a DEFLATE stream of ${stream.length}`);
  const wrong = `a DEFLATE stream does not hold exactly ${size} bytes`;
  let content;
  try {
    content = await inflated(stream, size, wrong);
  } catch (error) {
    throw error instanceof MsvError ? new CorruptStream(error.message) : error;
  }
  // Not every inflater minds bytes behind a stream's end; its last four are the checksum of what is in it.
  const last = stream.subarray(-4);
  const sum = ((last[0] << 24) | (last[1] << 16) | (last[2] << 8) | last[3]) >>> 0;
  if (content.length !== size || adler32(content) !== sum) throw new CorruptStream(wrong);
  const data = Int32Array.from({ length: size / 2 }, (_, n) => content[2 * n] | (content[2 * n + 1] << 8));
  return checkedIndices({ shape, data }, codes);
}

function checkedIndices(grid, codes) {
  for (const index of grid.data)
    if (index >= codes) throw new CorruptStream(`an index of ${index} in a level of ${codes} codes`);
  return grid;
}

function adler32(bytes) {
  let [low, high] = [1, 0];
  for (const byte of bytes) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  return ((high << 16) | low) >>> 0;
}
