// What the networks of decoders are made of, in WebAssembly: `network_kernel.c`. The same as `network_plain.js`, whose
// comments say what each of them does; a grid has an address `at` in the kernel's memory instead of `data`.

import { Kernel } from "./kernel.js";
import { filterFloats, isMinimal, scratchFloats, worthwhile } from "./minimal_filters.js";
import { BlockNetwork, placesOf } from "./network_blocks.js";
import { checkLayer, checkNorm, checkRows } from "./network_checks.js";
import { LINEAR, paddingBefore, strideOf } from "./network_plain.js";

const OUTPUT_LANES = 8; // outputs that the kernel computes at a time
const CONV_FIELDS = 26; // of its struct
const KEPT_NETWORK_BYTES = 2 ** 28;

export class WasmNetwork extends BlockNetwork {
  #bytes;
  #constants = [];
  #filtered = []; // parts of layers whose weights are wanted as filters too
  #kernel = null;
  #most = 4; // inputs of any layer
  #struct = 0;

  constructor(bytes) {
    super();
    this.#bytes = bytes;
  }

  constant(array) {
    const filled = new Float32Array(strideOf(array.length));
    filled.set(array);
    return { number: this.#constants.push(filled) - 1, length: array.length };
  }

  layer(shape, weights, bias, { step = [1, 1, 1], groups = 1 } = {}) {
    const [kt, kh, kw, inputs, all] = shape;
    const outputs = all / groups;
    this.#most = Math.max(this.#most, inputs);
    const minimal = isMinimal(shape.slice(0, 3), step);
    const parts = Array.from({ length: groups }, (_, group) => {
      const blocks = outputBlocks(weights, kt * kh * kw * inputs, all, group * outputs, outputs);
      const part = { weights: this.constant(blocks), filters: 0, inputs, outputs };
      if (bias) part.bias = this.constant(outputBlocks(bias, 1, all, group * outputs, outputs));
      if (minimal) this.#filtered.push(part);
      return part;
    });
    return { kernel: shape.slice(0, 3), inputs, outputs, step, parts, minimal };
  }

  async ready() {
    this.#constants.push(new Float32Array(this.#most));
    this.#kernel = await Kernel.compiled(this.#bytes, this.#constants, KEPT_NETWORK_BYTES, (kernel) => {
      for (const part of this.#filtered) {
        part.filters = kernel.room(4 * filterFloats(part.inputs, part.outputs));
        const blocks = Math.ceil(part.outputs / OUTPUT_LANES);
        kernel.call("filters", kernel.addresses[part.weights.number], part.filters, part.inputs, blocks);
      }
    });
    this.#constants = null;
  }

  release() {
    this.#kernel.release();
  }

  /** Forgets all grids. */
  begin() {
    this.#kernel.begin();
    this.#struct = this.#kernel.room(4 * CONV_FIELDS);
  }

  /** Grids that are made from here on are forgotten by `reset`. */
  mark() {
    return this.#kernel.end;
  }

  reset(mark) {
    this.#kernel.end = mark;
  }

  grid(size, channels) {
    const stride = strideOf(channels);
    const floats = placesOf(size) * stride;
    const at = this.#kernel.room(4 * floats);
    if (stride !== channels) this.#kernel.view(Float32Array, at, floats).fill(0);
    return { size, channels, stride, at };
  }

  filled(size, channels, values) {
    const grid = this.grid(size, channels);
    const [from] = this.#kernel.put([values]);
    this.#kernel.call("place", from, grid.at, placesOf(size), channels, channels, grid.stride);
    return grid;
  }

  conv(layer, x, { activation = LINEAR, add = null, out = null, slices = 1 } = {}) {
    const { kernel, step, inputs, outputs } = layer;
    const parts = slices > 1 ? Array(slices).fill(layer.parts[0]) : layer.parts;
    const size = x.size.map((n, axis) => Math.floor(n / step[axis]));
    checkLayer(x, inputs * parts.length, [add, out], outputs * parts.length);
    const found = out ?? this.grid(size, outputs * parts.length);
    const { addresses } = this.#kernel;
    const minimal = layer.minimal && worthwhile(size);
    const mark = this.mark();
    const scratch = minimal && this.#kernel.room(4 * scratchFloats(inputs, outputs));
    parts.forEach((part, n) => {
      const [from, to] = [4 * n * inputs, 4 * n * outputs];
      const weights = minimal ? part.filters : addresses[part.weights.number];
      const fields = [
        ...[x.at + from, found.at + to, weights, part.bias ? addresses[part.bias.number] : 0],
        ...[add ? add.at + to : 0, addresses[addresses.length - 1]],
        ...[inputs, x.stride, outputs, found.stride, activation],
        ...[...x.size, ...size, ...kernel, ...step, ...paddingBefore(kernel, step)],
      ];
      this.#kernel.view(Int32Array, this.#struct, CONV_FIELDS).set(fields);
      if (minimal) this.#kernel.call("conv3x3", this.#struct, scratch);
      else this.#kernel.call("conv", this.#struct);
    });
    this.reset(mark);
    return found;
  }

  norm(x, scale, bias, { activation = LINEAR, out = null } = {}) {
    checkNorm(x, scale, bias);
    const found = out ?? this.grid(x.size, x.channels);
    const { addresses } = this.#kernel;
    // Slices that lie side by side are positions of their own: their width is then a stride.
    const stride = x.channels === scale.length ? x.stride : scale.length;
    const count = (placesOf(x.size) * x.stride) / stride;
    const by = [addresses[scale.number], bias ? addresses[bias.number] : 0];
    this.#kernel.call("norm", x.at, found.at, ...by, count, scale.length, stride, activation);
    return found;
  }

  activate(x, activation) {
    this.#kernel.call("activate", x.at, placesOf(x.size) * x.stride, activation);
    return x;
  }

  gather(table, channels, rows, size) {
    checkRows(table, channels, rows);
    const found = this.grid(size, channels);
    const [at] = this.#kernel.put([rows]);
    const from = this.#kernel.addresses[table.number];
    this.#kernel.call("gather", from, at, found.at, rows.length, channels, found.stride);
    return found;
  }

  joined(a, b) {
    const found = this.grid(a.size, a.channels + b.channels);
    const count = placesOf(a.size);
    this.#kernel.call("place", a.at, found.at, count, a.channels, a.stride, found.stride);
    this.#kernel.call("place", b.at, found.at + 4 * a.channels, count, b.channels, b.stride, found.stride);
    return found;
  }

  repeated(x, factors) {
    const found = this.grid(x.size.map((n, axis) => n * factors[axis]), x.channels);
    this.#kernel.call("repeat", x.at, found.at, ...x.size, ...factors, x.stride);
    return found;
  }

  _blocks(coarse, fine, factors, channels, way) {
    const strides = [channels, coarse.stride, fine.stride];
    this.#kernel.call("blocks", coarse.at, fine.at, ...coarse.size, ...factors, ...strides, way);
    return fine;
  }

  /** A copy of a grid's floats. */
  values(x, count) {
    return this.#kernel.view(Float32Array, x.at, count).slice();
  }

  frame(x, number) {
    const floats = x.size[1] * x.size[2] * x.stride;
    return { ...x, size: [1, x.size[1], x.size[2]], at: x.at + 4 * number * floats };
  }

  copy(from, to) {
    const bytes = 4 * placesOf(from.size) * from.stride;
    this.#kernel.view(Uint8Array, to.at, bytes).set(this.#kernel.view(Uint8Array, from.at, bytes));
  }

  clip(x) {
    this.#kernel.call("clip", x.at, placesOf(x.size) * x.stride);
  }

  addWarped(before, flow, first, side, out) {
    const [, rows, columns] = flow.size;
    this.#kernel.call("warp", before.at, flow.at + 4 * first, out.at, rows, columns, flow.stride, side);
  }

  rgba(x) {
    const pixels = placesOf(x.size);
    const at = this.#kernel.room(4 * pixels);
    this.#kernel.call("rgba", x.at, at, pixels);
    return this.#kernel.view(Uint8ClampedArray, at, 4 * pixels).slice();
  }
}

/** `count` of `all` columns from `first` on: [blocks, rows, OUTPUT_LANES], the last block filled up with zeros. */
function outputBlocks(weights, rows, all, first, count) {
  const found = new Float32Array(Math.ceil(count / OUTPUT_LANES) * rows * OUTPUT_LANES);
  for (let k = 0; k < count; k += OUTPUT_LANES)
    for (let row = 0, at = k * rows, from = first + k; row < rows; row++, at += OUTPUT_LANES, from += all)
      for (let lane = 0; lane < OUTPUT_LANES && k + lane < count; lane++) found[at + lane] = weights[from + lane];
  return found;
}
