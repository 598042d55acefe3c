// What the networks of decoders are made of, in JavaScript alone: where there is no kernel, and what tests compare the
// kernel (`network.js`, `network_kernel.c`) with.
//
// A grid is { size: [t, h, w], channels, stride, data }: float32, channels last, `stride` floats for a position, a
// multiple of 4, those behind the channels zero.

import { BlockNetwork, COLLECT, EXPAND, placesOf } from "./network_blocks.js";
import { checkLayer, checkNorm, checkRows } from "./network_checks.js";

export const LINEAR = 0;
export const LEAKY = 1;
export const SILU = 2;

export const strideOf = (channels) => Math.ceil(channels / 4) * 4;

/** Padding before each axis, so that a size that the step divides comes out as size / step (`layers/conv3d.py`). */
export const paddingBefore = (kernel, step) => kernel.map((taps, axis) => Math.max(taps - step[axis], 0) >> 1);

const f32 = Math.fround;

function activated(x, activation) {
  if (activation === LEAKY) return Math.max(f32(x * f32(0.1)), x);
  return activation === SILU ? f32(x / (1 + Math.exp(-x))) : x;
}

export class PlainNetwork extends BlockNetwork {
  /** Numbers that stay; what it returns is for `norm` and `gather`. */
  constant = (array) => array;

  /**
   * A convolution's weights.
   *
   * @param {number[]} shape [kt, kh, kw, inputs of a group, outputs]
   * @param {Float32Array} weights of that shape
   * @param {Float32Array | null} bias by output
   */
  layer(shape, weights, bias, { step = [1, 1, 1], groups = 1 } = {}) {
    return { shape, weights, bias, step, groups };
  }

  async ready() {}
  release() {}
  begin() {}
  mark() {}
  reset() {}

  grid(size, channels) {
    const stride = strideOf(channels);
    return { size, channels, stride, data: new Float32Array(placesOf(size) * stride) };
  }

  /** A grid of given values, [t, h, w, channels] without gaps. */
  filled(size, channels, values) {
    const grid = this.grid(size, channels);
    for (let n = 0, at = 0; at < values.length; n += grid.stride, at += channels)
      grid.data.set(values.subarray(at, at + channels), n);
    return grid;
  }

  /**
   * A convolution with zeros outside.
   *
   * @param options activation; add: a grid that is added before it, and may be `out`; out: where it goes, by default a
   *   new grid; slices: how many times the same weights are used, on as many parts of the channels
   */
  conv(layer, x, { activation = LINEAR, add = null, out = null, slices = 1 } = {}) {
    const [kt, kh, kw, inputs, all] = layer.shape;
    const { step, groups } = layer;
    const outputs = all / groups;
    checkLayer(x, inputs * groups * slices, [add, out], all * slices);
    const size = x.size.map((n, axis) => Math.floor(n / step[axis]));
    const [bt, bh, bw] = paddingBefore(layer.shape.slice(0, 3), step);
    const found = out ?? this.grid(size, all * slices);
    const sums = new Float32Array(outputs);
    for (let part = 0; part < groups * slices; part++)
      for (let n = 0; n < placesOf(size); n++) {
        const [t, y, z] = [Math.floor(n / size[2] / size[1]), Math.floor(n / size[2]) % size[1], n % size[2]];
        const first = (part % groups) * outputs;
        sums.fill(0);
        if (layer.bias) sums.set(layer.bias.subarray(first, first + outputs));
        for (let a = 0, tap = 0; a < kt; a++)
          for (let b = 0; b < kh; b++)
            for (let c = 0; c < kw; c++, tap++) {
              const [from, row, column] = [t * step[0] - bt + a, y * step[1] - bh + b, z * step[2] - bw + c];
              if (from < 0 || from >= x.size[0] || row < 0 || row >= x.size[1]) continue;
              if (column < 0 || column >= x.size[2]) continue;
              const at = ((from * x.size[1] + row) * x.size[2] + column) * x.stride + part * inputs;
              for (let i = 0; i < inputs; i++) {
                const weights = (tap * inputs + i) * all + first;
                const value = x.data[at + i];
                for (let o = 0; o < outputs; o++) sums[o] += f32(value * layer.weights[weights + o]);
              }
            }
        const at = n * found.stride + part * outputs;
        for (let o = 0; o < outputs; o++)
          found.data[at + o] = activated(add ? f32(sums[o] + add.data[at + o]) : sums[o], activation);
      }
    return found;
  }

  /** RMSNorm, or with a bias LayerNorm, of each position over its channels, then an activation; into `out`. */
  norm(x, scale, bias, { activation = LINEAR, out = null } = {}) {
    const found = out ?? this.grid(x.size, x.channels);
    checkNorm(x, scale, bias);
    const { channels, stride, data } = x;
    // A grid of slices that lie side by side is normalised slice by slice.
    const width = scale.length;
    for (let n = 0; n < placesOf(x.size); n++)
      for (let part = 0; part < channels / width; part++) {
        const at = n * stride + part * width;
        const values = data.subarray(at, at + width);
        const mean = bias ? values.reduce((sum, v) => sum + v, 0) / width : 0;
        const square = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / width;
        const by = 1 / Math.sqrt(square + 1e-6);
        for (let i = 0; i < width; i++)
          found.data[at + i] = activated((data[at + i] - mean) * by * scale[i] + (bias ? bias[i] : 0), activation);
      }
    return found;
  }

  /** In place. */
  activate(x, activation) {
    x.data.forEach((value, n) => (x.data[n] = activated(value, activation)));
    return x;
  }

  /** Rows of a table [K, channels] by number, as a grid. */
  gather(table, channels, rows, size) {
    checkRows(table, channels, rows);
    const found = this.grid(size, channels);
    rows.forEach((row, n) => found.data.set(table.subarray(row * channels, (row + 1) * channels), n * found.stride));
    return found;
  }

  /** Two grids' channels side by side. */
  joined(a, b) {
    const found = this.grid(a.size, a.channels + b.channels);
    for (let n = 0; n < placesOf(a.size); n++)
      for (const [part, offset] of [[a, 0], [b, a.channels]])
        for (let i = 0; i < part.channels; i++)
          found.data[n * found.stride + offset + i] = part.data[n * part.stride + i];
    return found;
  }

  /** Every position repeated. */
  repeated(x, factors) {
    const found = this.grid(x.size.map((n, axis) => n * factors[axis]), x.channels);
    const [, h, w] = found.size;
    for (let n = 0; n < placesOf(found.size); n++) {
      const fine = [Math.floor(n / w / h), Math.floor(n / w) % h, n % w];
      const place = fine.map((p, axis) => Math.floor(p / factors[axis]));
      const at = ((place[0] * x.size[1] + place[1]) * x.size[2] + place[2]) * x.stride;
      found.data.set(x.data.subarray(at, at + x.stride), n * found.stride);
    }
    return found;
  }

  _blocks(coarse, fine, [ft, fh, fw], channels, way) {
    const [, h, w] = fine.size;
    for (let n = 0; n < placesOf(fine.size); n++) {
      const [a, b, d] = [Math.floor(n / w / h), Math.floor(n / w) % h, n % w];
      const place = (Math.floor(a / ft) * coarse.size[1] + Math.floor(b / fh)) * coarse.size[2] + Math.floor(d / fw);
      const block = place * coarse.stride + (((a % ft) * fh + (b % fh)) * fw + (d % fw)) * channels;
      for (let i = 0, at = n * fine.stride; i < channels; i++, at++)
        if (way === COLLECT) coarse.data[block + i] = fine.data[at];
        else fine.data[at] = coarse.data[block + i] + (way === EXPAND ? 0 : fine.data[at]);
    }
    return fine;
  }

  /** One frame of a grid, as a grid of its own that shares its memory. */
  frame(x, number) {
    const floats = x.size[1] * x.size[2] * x.stride;
    return { ...x, size: [1, x.size[1], x.size[2]], data: x.data.subarray(number * floats, (number + 1) * floats) };
  }

  /** Copies a grid into another of the same form. */
  copy(from, to) {
    to.data.set(from.data);
  }

  /** Values within +-1, in place. */
  clip(x) {
    x.data.forEach((value, n) => (x.data[n] = Math.max(-1, Math.min(1, value))));
  }

  /**
   * Adds to a frame what a flow finds in another, bilinearly, edges repeated.
   *
   * @param flow [1, h / side, w / side]: down in channel `first`, right in the next one, in pixels
   */
  addWarped(before, flow, first, side, out) {
    const [, rows, columns] = flow.size;
    const [, height, width] = out.size;
    const within = (x, most) => Math.max(0, Math.min(most, x));
    const bilinear = (data, high, wide, stride, channel, y, x) => {
      const [down, right] = [within(y, high - 1), within(x, wide - 1)];
      const [top, left] = [Math.floor(down), Math.floor(right)];
      const [below, beside] = [Math.min(top + 1, high - 1), Math.min(left + 1, wide - 1)];
      const at = (row, column) => data[(row * wide + column) * stride + channel];
      const upper = at(top, left) * (1 - right + left) + at(top, beside) * (right - left);
      const lower = at(below, left) * (1 - right + left) + at(below, beside) * (right - left);
      return upper * (1 - down + top) + lower * (down - top);
    };
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const place = [(y + 0.5) / side - 0.5, (x + 0.5) / side - 0.5];
        const away = [0, 1].map((n) => bilinear(flow.data, rows, columns, flow.stride, first + n, ...place));
        for (let i = 0; i < 3; i++)
          out.data[(y * width + x) * out.stride + i] +=
            bilinear(before.data, height, width, before.stride, i, y + away[0], x + away[1]);
      }
  }

  /** Pixels of three values in [-1, 1] to 8 bits: to the nearest, halves to even, NaN to 0; opaque. */
  rgba(x) {
    const found = new Uint8ClampedArray(placesOf(x.size) * 4).fill(255);
    for (let n = 0; n < found.length; n += 4)
      for (let i = 0; i < 3; i++) found[n + i] = f32(f32(0.5 + f32(0.5 * x.data[n + i])) * 255);
    return found;
  }
}
