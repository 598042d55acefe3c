// What a file says about its video before any of it is decoded (docs/format.md, "Header"; `container/header.py`).

import { crc32 } from "./crc32.js";
import { MsvError } from "./errors.js";
import { readVarint } from "./varint.js";

const NEWEST_VERSION = 3;
const START_BYTES = 7; // magic, format version, size of the whole header
export const CRC_BYTES = 4;
const MAX_HEADER_BYTES = 4682; // no header of any version is longer
const MAX_SIDE = 2 ** 14;
const MAX_PARTS = 16;
const MAX_LEVELS_1 = 4;
const MAX_NAME_BYTES = 15;
const MAX_FAMILY_BYTES = 4096;
const LEVEL_BYTES_1 = 6; // three strides, codes - 1, bytes of the name, which follows

/** Reads fields one after the other; `HeaderMistake` where there are none. */
class Fields {
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = 0;
  }

  take(count) {
    if (this.offset + count > this.bytes.length) throw new HeaderMistake("the header is shorter than its fields");
    this.offset += count;
    return this.offset - count;
  }

  u8 = () => this.view.getUint8(this.take(1));
  u16 = () => this.view.getUint16(this.take(2), true);
  u32 = () => this.view.getUint32(this.take(4), true);

  some(count) {
    const at = this.take(count);
    return this.bytes.slice(at, at + count);
  }

  varint() {
    const found = readVarint(this.bytes, this.offset, 5);
    if (!found) throw new HeaderMistake("the header is shorter than its fields");
    this.offset = found[1];
    return found[0];
  }

  name = () => String.fromCharCode(...this.some(this.u8()));
  names = () => Array.from({ length: this.u8() }, this.name);
}

class HeaderMistake extends Error {}

/**
 * The header of a file: the checks that come before anything else in it is believed.
 *
 * @param {Uint8Array} bytes of the file
 * @param {string} name for messages
 * @throws {MsvError} if it is no .msv file, of a newer version, cut short within the header, or that is damaged
 */
export function readHeader(bytes, name) {
  const magic = [0x89, 0x4d, 0x53, 0x56];
  if (magic.some((byte, n) => bytes[n] !== byte)) throw new MsvError(`${name}: is not an .msv file`);
  const version = bytes[4];
  if (version > NEWEST_VERSION)
    throw new MsvError(`${name}: format version ${version} is newer than this player's ${NEWEST_VERSION}; update it`);
  const cut = new MsvError(`${name}: truncated within its header; no chunk is whole`);
  if (bytes.length < START_BYTES) throw cut;
  const size = bytes[5] | (bytes[6] << 8);
  if (version < 1 || size < START_BYTES + CRC_BYTES || size > MAX_HEADER_BYTES)
    throw new MsvError(`${name}: its header is damaged`);
  if (size > bytes.length) throw cut;
  const data = bytes.slice(0, size);
  const crc = new DataView(data.buffer).getUint32(size - CRC_BYTES, true);
  if (crc32(data.subarray(0, -CRC_BYTES)) !== crc) throw new MsvError(`${name}: its header is damaged (CRC-32)`);
  try {
    return parseHeader(data, version);
  } catch (error) {
    if (!(error instanceof HeaderMistake)) throw error;
    throw new MsvError(`${name}: its header is not valid (${error.message})`);
  }
}

function parseHeader(data, version) {
  const fields = new Fields(data.subarray(0, -CRC_BYTES));
  fields.take(START_BYTES);
  const parsed = [null, parse1, parse2, parse3][version](fields);
  if (fields.offset !== fields.bytes.length) throw new HeaderMistake("the header's fields contradict one another");
  checkHeader(parsed, version);
  const { framesAt, ...header } = parsed;
  header.version = version;
  header.bytes = data;
  header.chunks = Math.ceil(header.frames / header.chunkFrames);
  header.indexed = version < 3 || header.chunks + header.headParts.length > 1;
  // What ties chunks to their header: CRC-32 of the header with 0 frames, since a writer learns the number last.
  const nothing = data.slice(0, -CRC_BYTES).fill(0, framesAt, framesAt + 4);
  header.streamCrc = crc32(nothing);
  return header;
}

function parse1(f) {
  const mode = f.u8();
  const bundle = f.some(8);
  const [width, height, sourceWidth, sourceHeight] = [f.u16(), f.u16(), f.u16(), f.u16()];
  const padding = f.some(2);
  const rate = [f.u32(), f.u32()];
  const framesAt = f.offset;
  const [frames, chunkFrames] = [f.u32(), f.u16()];
  const levelsAt = f.offset;
  const levels = f.u8();
  const parts = [];
  for (let n = 0; n < levels; n++) {
    const record = f.some(LEVEL_BYTES_1);
    parts.push(String.fromCharCode(...f.some(record[LEVEL_BYTES_1 - 1])));
  }
  // What only the family reads, as one field: mode, padding, number of levels and their records.
  const familyHeader = Uint8Array.of(mode, ...padding, ...f.bytes.subarray(levelsAt));
  const sizes = { width, height, sourceWidth, sourceHeight, rate, frames, framesAt, chunkFrames };
  return { ...sizes, bundle, parts, headParts: [], family: "", familyHeader };
}

function parse2(f) {
  const bundle = f.some(8);
  const [width, height, sourceWidth, sourceHeight] = [f.u16(), f.u16(), f.u16(), f.u16()];
  const rate = [f.u32(), f.u32()];
  const framesAt = f.offset;
  const [frames, chunkFrames] = [f.u32(), f.u16()];
  const [family, parts, headParts] = [f.name(), f.names(), f.names()];
  const sizes = { width, height, sourceWidth, sourceHeight, rate, frames, framesAt, chunkFrames };
  return { ...sizes, bundle, family, parts, headParts, familyHeader: f.some(f.u16()) };
}

function parse3(f) {
  const bundle = f.some(4);
  const framesAt = f.offset;
  const frames = f.u32();
  const [width, height] = [f.varint(), f.varint()];
  let [sourceWidth, sourceHeight] = [f.varint(), f.varint()];
  // 0x0 where it is the coded size, and only then.
  const same = sourceWidth === 0 && sourceHeight === 0;
  if (!same && sourceWidth === width && sourceHeight === height)
    throw new HeaderMistake("the header's fields contradict one another");
  if (same) [sourceWidth, sourceHeight] = [width, height];
  const rate = [f.varint(), f.varint()];
  const chunkFrames = f.varint();
  const [family, parts, headParts] = [f.name(), f.names(), f.names()];
  const sizes = { width, height, sourceWidth, sourceHeight, rate, frames, framesAt, chunkFrames };
  return { ...sizes, bundle, family, parts, headParts, familyHeader: f.some(f.varint()) };
}

function checkHeader(h, version) {
  const range = (field, value, low, high) => {
    if (value < low || value > high) throw new HeaderMistake(`${field}=${value}; expected ${low} to ${high}`);
  };
  range("width", h.width, 1, MAX_SIDE);
  range("height", h.height, 1, MAX_SIDE);
  range("source width", h.sourceWidth, 1, 2 ** 16 - 1);
  range("source height", h.sourceHeight, 1, 2 ** 16 - 1);
  for (const part of h.rate) range("rate", part, 1, 2 ** 32 - 1);
  if (divisor(...h.rate) !== 1) throw new HeaderMistake("the rate is not in lowest terms");
  range("frames", h.frames, 1, 2 ** 32 - 1);
  range("chunk frames", h.chunkFrames, 1, 2 ** 16 - 1);
  const most = version > 1 ? MAX_PARTS : MAX_LEVELS_1;
  range("parts", h.parts.length, 1, most);
  range("head parts", h.headParts.length, 0, most);
  range("family bytes", h.familyHeader.length, 0, MAX_FAMILY_BYTES);
  const named = version > 1 ? [[h.family]] : [];
  for (const names of [h.parts, h.headParts, ...named]) {
    for (const name of names)
      if (!/^[ -~]+$/.test(name) || name.length > MAX_NAME_BYTES)
        throw new HeaderMistake("a name is not of 1 to 15 printable ASCII characters");
    if (new Set(names).size < names.length) throw new HeaderMistake("two names are the same");
  }
}

function divisor(a, b) {
  while (b) [a, b] = [b, a % b];
  return a;
}
