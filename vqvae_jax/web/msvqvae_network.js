// Indices to frames with MS-VQ-VAE's decoder (docs/model.md; `msvqvae/model.py`, `layers/{blocks,resample}.py`).

import { floatTensor } from "./bundle.js";
import { MsvError } from "./errors.js";
import { placesOf } from "./network_blocks.js";
import { SILU } from "./network_plain.js";

export class MsvqvaeNetwork {
  /**
   * @param network a `WasmNetwork` or `PlainNetwork`, not yet ready
   * @param config `ModelConfig` as JSON
   * @param tensors of the bundle
   */
  constructor(network, config, tensors) {
    this.network = network;
    this.config = config;
    const tensor = (name) => {
      if (!tensors[name]) throw new MsvError(`the model: tensor ${name} is missing`);
      return tensors[name];
    };
    const weight = (name) => tensor(`weights/params/${name}`);
    const conv = (name, groups = 1) => {
      const { shape, data } = checked(weight(`${name}/kernel`), name);
      return network.layer(shape, data, floatTensor(weight(`${name}/bias`)), { groups });
    };
    const constant = (name) => network.constant(floatTensor(weight(name)));
    const norm = (name) => [constant(`${name}/scale`), config.norm === "layer" ? constant(`${name}/bias`) : null];
    const stack = (name, depth) =>
      Array.from({ length: depth }, (_, index) => {
        const block = `${name}/block_${index}`;
        return {
          normIn: norm(`${block}/norm_in`),
          convIn: conv(`${block}/conv_in`, config.groups),
          normOut: norm(`${block}/norm_out`),
          convOut: conv(`${block}/conv_out`, config.groups),
        };
      });
    const codes = (level) => {
      const found = tensor(`codebooks/${level}/embeddings`);
      if (found.shape.join() !== `${config[level].codes},${config[level].dim}`)
        throw new MsvError(`the model: its codebook of level ${level} is ${found.shape.join(" x ")}`);
      return network.constant(floatTensor(found));
    };

    if (config.top) {
      this.topCodes = codes("top");
      this.topIn = conv("top_decoder_in");
      this.topBlocks = stack("top_decoder", config.top_blocks);
      this.topUp = conv("top_up/conv");
      const learned = config.level_dropout > 0 && floatTensor(weight("dropped_bottom"));
      this.dropped = network.constant(learned || meanCode(tensors, config.bottom));
    }
    this.bottomCodes = codes("bottom");
    this.decoderIn = conv("decoder_in");
    this.decoderBlocks = stack("decoder", config.decoder_blocks);
    const heads = config.resample === "patch" ? ["conv"] : stages(config.bottom.strides).map((_, n) => `conv_${n}`);
    this.heads = heads.map((name) => conv(`head/${name}`));
  }

  /**
   * Frames of a window, a grid of pixels of three values, nominally in [-1, 1]; good until the network begins anew.
   *
   * @param top indices { shape, data } of the coarse level; null for models of one level
   * @param bottom of the fine one; null for a preview from the top alone
   */
  frames(top, bottom) {
    const { network, config } = this;
    network.begin();
    let decoded = top && this.#stack(this.topBlocks, this.#topFeatures(top));
    if (decoded) decoded = this.#up(decoded);
    const size = decoded ? decoded.size : bottom.shape;
    const codes = bottom ? this.bottomCodes : this.dropped;
    const rows = bottom ? bottom.data : new Int32Array(placesOf(size)); // the only row
    const found = network.gather(codes, config.bottom.dim, rows, size);
    const all = decoded ? network.joined(found, decoded) : found;
    return this.#head(this.#stack(this.decoderBlocks, network.conv(this.decoderIn, all)));
  }

  #topFeatures(top) {
    const codes = this.network.gather(this.topCodes, this.config.top.dim, top.data, top.shape);
    return this.network.conv(this.topIn, codes);
  }

  /** Residual blocks, in place. */
  #stack(blocks, x) {
    const { network } = this;
    for (const block of blocks) {
      const mark = network.mark();
      const y = network.conv(block.convIn, network.norm(x, ...block.normIn, { activation: SILU }));
      network.norm(y, ...block.normOut, { activation: SILU, out: y });
      network.conv(block.convOut, y, { add: x, out: x });
      network.reset(mark);
    }
    return x;
  }

  #up(x) {
    const { network, config } = this;
    const ratio = config.top.strides.map((stride, axis) => stride / config.bottom.strides[axis]);
    if (config.resample === "patch") return network.expanded(network.conv(this.topUp, x), ratio);
    return network.conv(this.topUp, network.repeated(x, ratio));
  }

  #head(x) {
    const { network, config } = this;
    const steps = config.resample === "patch" ? [config.bottom.strides] : stages(config.bottom.strides).reverse();
    steps.forEach((step, n) => {
      x = network.expanded(network.conv(this.heads[n], x), step);
      if (n < steps.length - 1) network.activate(x, SILU);
    });
    return x;
  }
}

/** Strides (powers of two) in steps of at most 2 per axis, space before time: (2,4,4) -> (1,2,2), (2,2,2). */
function stages(strides) {
  const halvings = strides.map(Math.log2);
  const count = Math.max(...halvings);
  return Array.from({ length: count }, (_, stage) => halvings.map((n) => (stage >= count - n ? 2 : 1)));
}

/** The average code, weighted by use: what a model without level dropout shows of a level that is missing. */
function meanCode(tensors, { codes, dim }) {
  const embeddings = tensors["codebooks/bottom/embeddings"].data;
  const counts = tensors["codebooks/bottom/counts"].data;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const mean = new Float64Array(dim);
  for (let k = 0; k < codes; k++) for (let d = 0; d < dim; d++) mean[d] += embeddings[k * dim + d] * counts[k];
  return Float32Array.from(mean, (sum) => sum / total);
}

function checked(tensor, name) {
  if (tensor.shape.length !== 5) throw new MsvError(`the model: tensor ${name}/kernel is none of a convolution`);
  return { shape: tensor.shape, data: floatTensor(tensor) };
}
