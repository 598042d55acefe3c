// Reading an .msv file: any chunk, any prefix of its parts, and what is left of a damaged file (docs/format.md, "Chunk"
// to "How to read"; `container/{chunk,index,reader}.py`).

import { crc32 } from "./crc32.js";
import { DamagedChunk } from "./errors.js";
import { CRC_BYTES, readHeader } from "./header.js";
import { readVarint } from "./varint.js";

const HEAD_CHUNK = 2 ** 32 - 1; // in place of a number
const FOOTER_BYTES = 12;
const MAX_LENGTH_BYTES = 4; // of the varint of a part's length
const MAX_SIZE_BYTES = 5; // of that of a chunk's size

/**
 * A file by its header and index; without a whole index chunks are found by their own lengths, as far as those lead.
 * Nothing is allocated on the word of a length that was not compared with the size of the file.
 */
export class Container {
  /** @throws {MsvError} if it is no .msv file, of a newer version, or its header is damaged */
  constructor(bytes, name = "the file") {
    // What Node reads are Buffers, whose `slice` copies nothing.
    this.bytes = bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.name = name;
    this.size = bytes.length;
    this.header = readHeader(bytes, name);
    const heads = this.header.headParts.length ? 1 : 0;
    const found = this.#startsByIndex(heads);
    this.indexDamaged = !found;
    /** Where each chunk that can be found starts, the head chunk first, and where the last of them ends. */
    this.allStarts = found ?? this.#startsByLengths(heads);
    this.heads = heads;
  }

  /** Chunks that can be found and lie inside the file; fewer than `header.chunks` if it is cut short. */
  get chunks() {
    return Math.max(this.allStarts.length - 1 - this.heads, 0);
  }

  /** Of every chunk in the file, and last where they end. */
  get starts() {
    return this.allStarts.slice(this.heads);
  }

  get notes() {
    const notes = [];
    const what = this.header.indexed ? "its index is missing or damaged" : "bytes are missing or added at its end";
    if (this.chunks < this.header.chunks) notes.push(`${this.name}: ${this.#cutShort()}`);
    else if (this.indexDamaged) notes.push(`${this.name}: ${what}; chunks are found by their own lengths`);
    return notes;
  }

  /** Frames of the video in the chunks that are there. */
  get foundFrames() {
    return Math.min(this.header.frames, this.chunks * this.header.chunkFrames);
  }

  /** Over the pictures and frames that are there, header and index included; 0 without any. */
  get bitsPerPixel() {
    const { width, height } = this.header;
    return this.chunks ? (8 * this.#foundBytes()) / (width * height * this.foundFrames) : 0;
  }

  get bitsPerSecond() {
    const { width, height, rate } = this.header;
    return (this.bitsPerPixel * width * height * rate[0]) / rate[1];
  }

  framesInChunk(chunk) {
    const { frames, chunkFrames } = this.header;
    return Math.min(chunkFrames, frames - chunk * chunkFrames);
  }

  /** Bytes of each part by name, from the chunk's head alone. */
  partSizes(chunk) {
    const { lengths } = this.#readHead(chunk);
    return Object.fromEntries(this.header.parts.map((name, n) => [name, lengths[n]]));
  }

  /**
   * The first `count` parts of a chunk, views of the file's bytes; the others' bytes are not looked at.
   *
   * @throws {DamagedChunk} if it cannot be found, or its lengths or one of these parts are damaged
   */
  readChunk(chunk, count = this.header.parts.length) {
    return this.#readParts(chunk, this.header.parts.slice(0, count));
  }

  /** The parts of the chunk before the first; none if the file has none. */
  readHeadChunk() {
    return this.heads ? this.#readParts(HEAD_CHUNK, this.header.headParts) : [];
  }

  #readParts(chunk, names) {
    const { head, lengths, start } = this.#readHead(chunk);
    const parts = [];
    let offset = start + head.length;
    names.forEach((name, number) => {
      const part = this.bytes.subarray(offset, offset + lengths[number]);
      offset += lengths[number];
      const bound = Uint8Array.of(...this.#place(chunk), number, ...head);
      if (crc32(part, crc32(bound)) !== this.#u32(offset)) throw this.damaged(chunk, `${name} is damaged (CRC-32)`);
      offset += CRC_BYTES;
      parts.push(part);
    });
    return parts;
  }

  #readHead(chunk) {
    const position = chunk === HEAD_CHUNK ? 0 : chunk + this.heads;
    if (position >= this.allStarts.length - 1) throw this.damaged(chunk, this.#cutShort());
    const [start, end] = [this.allStarts[position], this.allStarts[position + 1]];
    const found = this.#parseHead(chunk, start, end, this.#partCount(position));
    if (!found || found.size !== end - start) throw this.damaged(chunk, "its lengths are damaged");
    return found;
  }

  /** A chunk's own account of its sizes, if there is one before `end`. */
  #parseHead(chunk, start, end, parts) {
    const data = this.bytes.subarray(start, end);
    const lengths = [];
    let offset = 0;
    for (let n = 0; n < parts; n++) {
      const found = readVarint(data, offset, MAX_LENGTH_BYTES);
      if (!found) return null;
      lengths.push(found[0]);
      offset = found[1];
    }
    const check = crc32(Uint8Array.of(...this.#place(chunk), ...data.subarray(0, offset))) & 0xff;
    if (data[offset] !== check) return null;
    const size = offset + 1 + lengths.reduce((sum, length) => sum + length + CRC_BYTES, 0);
    return { start, lengths, head: data.subarray(0, offset + 1), size };
  }

  #startsByIndex(heads) {
    const { header, size } = this;
    if (!header.indexed) {
      const starts = this.#startsByLengths(heads);
      return starts.length === 2 && starts[1] === size ? starts : null;
    }
    const first = header.bytes.length;
    const footer = size - FOOTER_BYTES;
    if (footer < first) return null;
    const indexSize = this.#u32(footer);
    const chunks = header.chunks + heads;
    if (![0x4d, 0x53, 0x56, 0x58].every((byte, n) => this.bytes[footer + 8 + n] === byte)) return null;
    if (indexSize < chunks || indexSize > footer - first) return null;
    const end = footer - indexSize;
    // Bound to the header by its last four bytes; behind the sizes comes how many bytes they are.
    const crc = crc32(this.bytes.subarray(end, footer + 4), crc32(header.bytes.subarray(-CRC_BYTES)));
    if (crc !== this.#u32(footer + 4)) return null;
    const sizes = this.bytes.subarray(end, footer);
    const smallest = 5 * Math.min(heads ? header.headParts.length : Infinity, header.parts.length) + 1;
    const starts = [first];
    for (let offset = 0; offset < sizes.length; ) {
      const found = readVarint(sizes, offset, MAX_SIZE_BYTES);
      const next = found && starts[starts.length - 1] + found[0];
      if (!found || found[0] < smallest || next > end) return null;
      starts.push(next);
      offset = found[1];
    }
    return starts[starts.length - 1] === end && starts.length === chunks + 1 ? starts : null;
  }

  #startsByLengths(heads) {
    const starts = [this.header.bytes.length];
    for (let position = 0; position < heads + this.header.chunks; position++) {
      const chunk = position < heads ? HEAD_CHUNK : position - heads;
      const start = starts[position];
      const head = this.#parseHead(chunk, start, this.size, this.#partCount(position, heads));
      if (!head || head.size > this.size - start) break;
      starts.push(start + head.size);
    }
    return starts;
  }

  #partCount(position, heads = this.heads) {
    return position < heads ? this.header.headParts.length : this.header.parts.length;
  }

  /** Where a chunk belongs; its checksums start from this. */
  #place(chunk) {
    const place = new DataView(new ArrayBuffer(10));
    place.setUint32(0, this.header.streamCrc, true);
    place.setUint32(4, chunk, true);
    place.setUint16(8, chunk === HEAD_CHUNK ? 0 : this.framesInChunk(chunk), true);
    return new Uint8Array(place.buffer);
  }

  #u32(offset) {
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + offset, 4).getUint32(0, true);
  }

  /** Bytes without the rest of a cut chunk. */
  #foundBytes() {
    return this.indexDamaged ? this.allStarts[this.allStarts.length - 1] : this.size;
  }

  #cutShort() {
    return `truncated or damaged; ${this.chunks} of ${this.header.chunks} chunks are whole`;
  }

  /** A mistake in a chunk, as an error. */
  damaged(chunk, what) {
    const which = chunk === HEAD_CHUNK ? "head chunk" : `chunk ${chunk}`;
    return new DamagedChunk(`${this.name}: ${which}: ${what}`, chunk === HEAD_CHUNK ? -1 : chunk);
  }
}
