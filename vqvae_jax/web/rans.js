// Range asymmetric numeral systems with frequencies that sum to 2^16 (docs/entropy.md, "Stream"; `entropy/rans.py`).

import { CorruptStream } from "./errors.js";

export const SCALE = 2 ** 16;
const LOWEST = 2 ** 24; // state
const STATE_BYTES = 5;
const LONGEST_EXCESS = 40; // bits of a number beyond a table's range
const LARGEST_EXCESS = 2 ** 24;

/** Where a decoder stands. */
export class RansReader {
  constructor(stream) {
    [this.state, this.words] = splitStream(stream);
    this.position = 0;
  }

  get slot() {
    return this.state % SCALE;
  }

  /** Goes on behind the symbol that has this start and frequency. */
  take(start, frequency) {
    const slot = this.state % SCALE;
    this.state = frequency * ((this.state - slot) / SCALE) + slot - start;
    if (this.state < LOWEST) {
      if (this.position === this.words.length) throw new CorruptStream("an entropy-coded stream ends too early");
      this.state = this.state * SCALE + this.words[this.position++];
    }
  }

  bit() {
    const one = this.slot >= SCALE / 2 ? 1 : 0;
    this.take(one * (SCALE / 2), SCALE / 2);
    return one;
  }

  /** The next number >= 0 of any size (docs/entropy.md, "Numbers of any size"). */
  excess() {
    let length = 0;
    while (!this.bit())
      if (++length > LONGEST_EXCESS) throw new CorruptStream("an entropy-coded stream holds a number without end");
    let value = 1;
    for (let n = 0; n < length; n++) value = value * 2 + this.bit();
    if (value - 1 > LARGEST_EXCESS) throw new CorruptStream(`an entropy-coded stream holds the number ${value - 1}`);
    return value - 1;
  }

  checkEnd() {
    if (this.state !== LOWEST || this.position !== this.words.length) throw notAtBeginning();
  }
}

/** The state and the words that a decoder starts with. */
function splitStream(stream) {
  const size = stream.length;
  if (size < STATE_BYTES || (size - STATE_BYTES) % 2)
    throw new CorruptStream(`an entropy-coded stream cannot be ${size} bytes long`);
  let state = 0;
  for (let n = STATE_BYTES - 1; n >= 0; n--) state = state * 256 + stream[n];
  if (state < LOWEST) throw new CorruptStream("an entropy-coded stream starts with an impossible state");
  const words = new Uint16Array((size - STATE_BYTES) / 2);
  for (let n = 0, at = STATE_BYTES; n < words.length; n++, at += 2) words[n] = stream[at] | (stream[at + 1] << 8);
  return [state, words];
}

function notAtBeginning() {
  return new CorruptStream("an entropy-coded stream does not end where its encoder began");
}

/** What the kernels' coder is, `entropy/kernel/rans.h`, and how it begins, goes on and ends. */
export class CoderStruct {
  constructor(stream) {
    const [state, words] = splitStream(stream);
    this.words = words;
    this.bytes = new Uint8Array(48);
    this.#fields().setBigUint64(16, BigInt(state), true);
    this.#fields().setUint32(28, words.length, true);
  }

  #fields() {
    return new DataView(this.bytes.buffer);
  }

  /** Puts it and its words into a kernel's memory; its address. */
  put(kernel) {
    const [words] = kernel.put([this.words]);
    this.#fields().setUint32(24, words, true);
    return kernel.put([this.bytes])[0];
  }

  /** Takes over how a kernel left it, and throws what the kernel found. */
  update(kernel, address) {
    this.bytes.set(kernel.view(Uint8Array, address, this.bytes.length));
    const fields = this.#fields();
    const detail = fields.getBigInt64(8, true);
    const status = fields.getInt32(4, true);
    if (status === 3) throw notAtBeginning();
    const said = ["", "ends too early", "holds a number without end", "", `holds the number ${detail}`][status];
    if (status) throw new CorruptStream(said ? `an entropy-coded stream ${said}` : `a latent of ${detail}`);
  }

  checkEnd() {
    const fields = this.#fields();
    if (fields.getBigUint64(16, true) !== BigInt(LOWEST) || fields.getUint32(32, true) !== this.words.length)
      throw notAtBeginning();
  }
}
