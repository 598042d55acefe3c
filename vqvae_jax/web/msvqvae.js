// MS-VQ-VAE's files: what they say beyond the common header, a chunk's bytes to indices, and windows of them to frames
// (docs/format.md, "From indices to frames"; `msvqvae/codec/{layout,model,tokenizer,windows}.py`).

import { MsvError } from "./errors.js";
import { levelCoder, levelTables } from "./level_tables.js";
import { checkMsvqvaeConfig } from "./model_config.js";
import { MsvqvaeNetwork } from "./msvqvae_network.js";
import { WasmNetwork } from "./network.js";
import { PlainNetwork } from "./network_plain.js";
import { croppedPixels } from "./pixels.js";
import { decodeDeflate, decodeFixed } from "./plain_indices.js";

const MODES = ["range", "deflate", "fixed"];
const MAX_INDICES = 2 ** 26; // of a chunk
const CONTEXT_STEPS = 1; // of the coarsest level, on either side
// Pixels that are decoded at a time, if a window can be cut at all, so that their features take some 200 MB.
const WINDOW_PIXELS = { patch: 2 ** 22, conv: 2 ** 20 };
const roundUp = (value, step) => Math.ceil(value / step) * step;

export class MsvqvaeModel {
  static async made(bundle, kernels) {
    const { config, tensors } = bundle;
    checkMsvqvaeConfig(config);
    const names = config.top ? ["top", "bottom"] : ["bottom"];
    const network = kernels.network_kernel ? new WasmNetwork(kernels.network_kernel) : new PlainNetwork();
    const transform = new MsvqvaeNetwork(network, config, tensors);
    await network.ready();
    const coders = {};
    let coarseCodes = 0;
    for (const name of names) {
      const tables = levelTables(tensors, name, config[name].codes, coarseCodes, bundle.version === "1");
      coders[name] = await levelCoder(tables, kernels.grid_kernel);
      coarseCodes = config[name].codes;
    }
    return new MsvqvaeModel(config, names, coders, network, transform);
  }

  constructor(config, names, coders, network, transform) {
    Object.assign(this, { config, names, coders, network, transform });
    this.clip = config.clip;
    this.windowPixels = WINDOW_PIXELS[config.resample];
  }

  release() {
    this.network.release();
    for (const coder of Object.values(this.coders)) coder.release();
  }

  /** How many frames away from an index a frame may be and still depend on it, at most. */
  get reach() {
    const { top, bottom, top_blocks: topBlocks, decoder_blocks: blocks } = this.config;
    const coarse = (top ?? bottom).strides[0];
    const fine = bottom.strides;
    const log = 32 - Math.clz32(Math.max(...fine));
    return (top ? coarse * topBlocks + fine[0] : 0) + fine[0] * (blocks + log) + coarse;
  }

  decoder(container) {
    return new MsvqvaeDecoder(this, container.header);
  }
}

/** One file; a chunk's content is its indices by level, { shape, data }. */
class MsvqvaeDecoder {
  constructor(model, header) {
    this.model = model;
    this.header = header;
    this.layout = parseLayout(header);
    const { levels } = this.layout;
    const expected = model.names.map((name) => ({ name, ...model.config[name] }));
    const plain = (all) => JSON.stringify(all.map(({ name, strides, codes }) => [name, strides, codes]));
    if (plain(levels) !== plain(expected))
      throw new MsvError(`its levels are ${plain(levels)}, the model's ${plain(expected)}; the file is damaged`);
    this.context = 1;
    this.layers = model.names;
    const { mode } = this.layout;
    this.facts = { mode, levels: Object.fromEntries(levels.map(({ name, ...level }) => [name, level])) };
    this.codedSize = [this.layout.paddedHeight, this.layout.paddedWidth];
  }

  /** @throws {CorruptStream} if no encoder wrote these bytes */
  async unpack(frames, parts) {
    const { mode, levels } = this.layout;
    const coded = roundUp(frames, levels[0].strides[0]);
    const found = {};
    let coarse = null;
    for (const [n, part] of parts.entries()) {
      const { name, codes } = levels[n];
      const shape = gridShape(this.layout, levels[n], coded);
      if (mode === "range") coarse = this.model.coders[name].decode(part, shape, coarse);
      else coarse = await (mode === "fixed" ? decodeFixed : decodeDeflate)(part, shape, codes);
      found[name] = coarse;
    }
    return found;
  }

  /** Frames of one chunk: of its window, those that its own are; as much of it at a time as memory allows. */
  *decode(before, chunk, after, frames, layer) {
    const { model, layout, header } = this;
    const { levels } = layout;
    const coarse = levels[0].strides[0];
    const preview = levels.length > 1 && layer === levels[0].name;
    const [margin, reach] = [CONTEXT_STEPS * coarse, roundUp(model.reach, coarse)];
    const size = header.chunkFrames;
    const allowed = Math.floor(model.windowPixels / (header.width * header.height));
    const fit = frames + 2 * margin <= allowed ? roundUp(frames, coarse) : Math.max(allowed - 2 * reach, reach);
    const atOnce = Math.max(Math.floor(fit / coarse) * coarse, coarse);
    for (let begin = margin; begin < margin + frames; begin += atOnce) {
      const end = Math.min(begin + atOnce, margin + frames);
      const first = Math.max(begin - reach, 0);
      const last = Math.min(roundUp(end, coarse) + reach, size + 2 * margin);
      const window = levels
        .slice(0, preview ? 1 : levels.length)
        .map(({ name, strides: [stride] }) =>
          windowOf(chunk[name], before?.[name], after?.[name], stride, margin, first, last),
        );
      const [top, bottom] = levels.length > 1 ? window : [null, window[0]];
      const pixels = model.transform.frames(top, bottom ?? null);
      const rgba = croppedPixels(model.network, pixels, begin - first, end - begin, header);
      yield { frames: end - begin, rgba };
    }
  }
}

/** Steps of a level's window; where there are none the first or the last one is repeated. */
function windowOf(grid, before, after, stride, margin, first, last) {
  const context = margin / stride;
  const step = grid.shape[1] * grid.shape[2];
  const [steps, head] = [grid.shape[0], before ? Math.min(context, before.shape[0]) : 1];
  const tail = after ? Math.min(context, after.shape[0]) : 1;
  const count = Math.floor(last / stride) - Math.floor(first / stride);
  const data = new Int32Array(count * step);
  for (let n = 0; n < count; n++) {
    const wanted = Math.floor(first / stride) + n - (context - head);
    let at = Math.max(0, Math.min(wanted, head + steps + tail - 1));
    let from = grid;
    if (at < head) [from, at] = before ? [before, before.shape[0] - head + at] : [grid, 0];
    else if (at < head + steps) at -= head;
    else [from, at] = after ? [after, at - head - steps] : [grid, steps - 1];
    data.set(from.data.subarray(at * step, (at + 1) * step), n * step);
  }
  return { shape: [count, grid.shape[1], grid.shape[2]], data };
}

/** What the family's bytes of a header say: they are written in exactly one way. */
function parseLayout(header) {
  const own = header.familyHeader;
  const wrong = (what) => new MsvError(`its header is not valid (${what})`);
  const levels = [];
  let offset = 4;
  for (let n = 0; n < own[3]; n++) {
    if (offset + 6 > own.length) throw wrong("the header is shorter than its fields");
    const [t, h, w, low, high, length] = own.subarray(offset, offset + 6);
    const name = String.fromCharCode(...own.subarray(offset + 6, offset + 6 + length));
    levels.push({ name, strides: [t, h, w], codes: low + 256 * high + 1 });
    offset += 6 + length;
  }
  if (!(own[0] < MODES.length)) throw wrong(`mode=${own[0]}`);
  const names = JSON.stringify(levels.map(({ name }) => name));
  if (offset !== own.length || !levels.length || names !== JSON.stringify(header.parts))
    throw wrong("its levels are not its parts");
  levels.forEach(({ strides, codes }, n) => {
    if (Math.min(...strides) < 1 || codes < 2) throw wrong("strides and codes of its levels");
    if (n && strides.some((stride, axis) => levels[n - 1].strides[axis] % stride)) throw wrong("strides of its levels");
  });
  const [t, h, w] = levels[0].strides;
  const [paddedHeight, paddedWidth] = [roundUp(header.height, h), roundUp(header.width, w)];
  if (own[1] !== paddedWidth - header.width || own[2] !== paddedHeight - header.height) throw wrong("its padding");
  if (header.chunkFrames % t) throw wrong(`chunk frames are not a multiple of ${t}`);
  const layout = { mode: MODES[own[0]], levels, paddedHeight, paddedWidth };
  const sizes = levels.map((level) => gridShape(layout, level, roundUp(header.chunkFrames, t)));
  if (sizes.reduce((sum, [a, b, c]) => sum + a * b * c, 0) > MAX_INDICES) throw wrong("too many indices in a chunk");
  return layout;
}

function gridShape({ paddedHeight, paddedWidth }, { strides: [t, h, w] }, frames) {
  return [frames, paddedHeight, paddedWidth].map((size, axis) => Math.floor(size / [t, h, w][axis]));
}
