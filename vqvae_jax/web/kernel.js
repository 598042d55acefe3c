// A kernel in WebAssembly and its memory (`entropy/kernel/machine.py`).
//
// Memory grows, in `put` and while a kernel runs, and growing detaches every view of it: views are made when they are
// needed and never kept.

import { MsvError } from "./errors.js";

const PAGE_BYTES = 2 ** 16;
const KEPT_BYTES = 2 ** 26; // a machine that has grown beyond them is thrown away after use
const ALIGNED = 16;

/** Arrays that stay, and behind them room for those of one call. */
export class Kernel {
  #module;
  #constants;
  #more;
  #exports = null;
  #begin = 0;

  /**
   * @param {Uint8Array} bytes of the .wasm file
   * @param {ArrayBufferView[]} constants put into its memory before all else; their addresses are `addresses`
   * @param {number} kept bytes of memory that are kept from one use to the next
   * @param {(kernel: Kernel) => void} more puts there what is made of the constants, which stays as well
   */
  static async compiled(bytes, constants, kept = KEPT_BYTES, more = () => {}) {
    return new Kernel(await WebAssembly.compile(bytes), constants, kept, more);
  }

  constructor(module, constants, kept, more) {
    this.#module = module;
    this.#constants = constants;
    this.#more = more;
    this.kept = kept;
    this.end = 0;
    this.addresses = [];
  }

  /** Free memory from behind the constants on. */
  begin() {
    if (this.#exports && this.memory.byteLength > this.kept) this.release();
    if (!this.#exports) {
      this.#exports = new WebAssembly.Instance(this.#module, {}).exports;
      this.end = aligned(this.#exports.__heap_base.value);
      this.addresses = this.put(this.#constants);
      this.#more(this);
      this.#begin = this.end;
    }
    this.end = this.#begin;
  }

  /** Gives its memory back until it is used again. */
  release() {
    this.#exports = null;
  }

  get memory() {
    return this.#exports.memory.buffer;
  }

  /** Addresses of copies of arrays. */
  put(arrays) {
    return arrays.map((array) => {
      const address = this.room(array.byteLength);
      new Uint8Array(this.memory, address).set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
      return address;
    });
  }

  /** The address of so many bytes that nobody has; what is in them is anything. */
  room(bytes) {
    const address = this.end;
    this.end += aligned(bytes);
    const missing = this.end - this.memory.byteLength;
    if (missing > 0) {
      try {
        this.#exports.memory.grow(Math.ceil(missing / PAGE_BYTES));
      } catch {
        throw outOfMemory();
      }
    }
    return address;
  }

  /** What lies there, until the kernel runs or memory is taken again. */
  view(type, address, count) {
    return new type(this.memory, address, count);
  }

  call(name, ...args) {
    try {
      return this.#exports[name](...args);
    } catch (error) {
      this.release();
      if (error instanceof WebAssembly.RuntimeError) throw outOfMemory(); // it has no other reason to trap
      throw error;
    }
  }
}

function outOfMemory() {
  return new MsvError("these pictures need more memory than this browser gives");
}

function aligned(bytes) {
  return Math.ceil(bytes / ALIGNED) * ALIGNED;
}
