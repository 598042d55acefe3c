// Latents to frames with NTC's decoder, unit by unit, each seeing what was decoded before it (docs/ntc.md;
// `ntc/{model,blocks,motion}.py`). The two slices of a unit lie side by side in the channels of a position.

import { floatTensor } from "./bundle.js";
import { MsvError } from "./errors.js";
import { placesOf } from "./network_blocks.js";
import { LEAKY } from "./network_plain.js";

export const UNIT_FRAMES = 4;
const SLICES = 2;
const PATCH = 4; // pixels to a side of a fine position; a coarse one has twice that
const RATES_BETWEEN = 64; // rate numbers from one trained lambda to the next
const PIXELS = [UNIT_FRAMES, PATCH, PATCH]; // of a fine position

export class NtcNetwork {
  /**
   * @param network a `WasmNetwork` or `PlainNetwork`, not yet ready
   * @param config `NtcConfig` as JSON
   * @param tensors of the bundle
   */
  constructor(network, config, tensors) {
    Object.assign(this, { network, config });
    const weight = (name) => {
      const tensor = tensors[`weights/${name}`];
      if (!tensor) throw new MsvError(`the model: tensor weights/${name} is missing`);
      return tensor;
    };
    const conv = (name, bias = true) => {
      const kernel = weight(`${name}/kernel`);
      if (kernel.shape.length !== 5) throw new MsvError(`the model: tensor ${name}/kernel is none of a convolution`);
      return network.layer(kernel.shape, floatTensor(kernel), bias ? floatTensor(weight(`${name}/bias`)) : null);
    };
    const stack = (name, depth) =>
      Array.from({ length: depth }, (_, n) => ["space", "mix"].map((part) => conv(`${name}/block_${n}/${part}`)));
    const atAllRates = (name) => allRates(weight(name), config.lambdas.length);

    this.latentIn = conv("latent_in");
    this.coarseBlocks = stack("coarse_decoder", config.coarse_blocks);
    this.up = conv("up");
    this.decoderContext = conv("decoder_context", false);
    this.decoderBlocks = stack("decoder", config.decoder_blocks);
    if (config.motion) [this.flow, this.change] = [conv("flow"), conv("change")];
    this.predicted = conv("predicted", false);
    this.refineBlocks = stack("refine", config.refine_blocks);
    this.headOut = conv("head");
    this.bound = network.constant(floatTensor(weight("bound/scale")));
    this.contextSkip = conv("context_skip");
    this.contextIn = conv("context_in");
    this.contextOut = conv("context_out");
    this.contextDown = conv("context_down");
    this.nothing = network.constant(floatTensor(weight("nothing")));
    this.rateCoarse = network.constant(atAllRates("rate_coarse"));
    this.rateFine = network.constant(atAllRates("rate_fine"));
    this.steps = atAllRates("inverse_gains").map(Math.exp);
  }

  /** What is handed to the first unit of a group of pictures; forgets all that there was. */
  start(height, width) {
    const { network, config } = this;
    network.begin();
    const size = [1, height / PATCH, width / PATCH];
    const features = this.#everywhere(this.nothing, 0, SLICES * config.width, size);
    network.norm(features, this.bound, null, { out: features });
    const last = network.filled([1, height, width], 3, new Float32Array(height * width * 3));
    return { features, last, mark: network.mark() };
  }

  /**
   * A unit's frames, a grid of pixels of three values, nominally in [-1, 1]; good until the next one.
   *
   * @param {Int32Array} latents [h, w, M]
   * @param carry of `start`; becomes what the next unit is handed
   */
  unit(latents, carry, rate) {
    const { network, config } = this;
    network.reset(carry.mark);
    const { fine, coarse } = this.#context(carry, rate);
    const y = new Float32Array(latents.length);
    for (let n = 0; n < y.length; n++) y[n] = latents[n] * this.steps[rate * config.latents + (n % config.latents)];
    network.conv(this.latentIn, network.filled(coarse.size, config.latents, y), { add: coarse, out: coarse });
    const up = network.conv(this.up, this.#stack(this.coarseBlocks, coarse, 1));
    const x = this.#everywhere(this.rateFine, rate, SLICES * config.width, fine.size);
    network.conv(this.decoderContext, fine, { add: x, out: x });
    network.addExpanded(up, x, [1, 2, 2]);
    this.#stack(this.decoderBlocks, x, SLICES);

    const frames = config.motion ? this.#moved(x, carry.last) : this.#stillFrames(carry.last);
    network.conv(this.predicted, network.collected(frames, PIXELS), { add: x, out: x, slices: SLICES });
    this.#stack(this.refineBlocks, x, SLICES);
    network.addExpanded(network.conv(this.headOut, x, { slices: SLICES }), frames, PIXELS);
    network.norm(x, this.bound, null, { out: carry.features });
    network.copy(network.frame(frames, UNIT_FRAMES - 1), carry.last);
    network.clip(carry.last);
    return frames;
  }

  /** What a unit sees of the one before, on both grids; the coarse one with what the rate adds there. */
  #context({ features, last }, rate) {
    const { network, config } = this;
    const known = network.joined(features, network.collected(last, [1, PATCH, PATCH]));
    const fine = network.conv(this.contextSkip, known);
    const inner = network.conv(this.contextIn, known, { activation: LEAKY });
    network.conv(this.contextOut, inner, { add: fine, out: fine });
    const collected = network.collected(fine, [1, 2, 2]);
    const coarse = this.#everywhere(this.rateCoarse, rate, config.coarse_width, collected.size);
    network.conv(this.contextDown, collected, { add: coarse, out: coarse });
    return { fine, coarse };
  }

  /** x + mix(act(space(x))), `space` on every slice, `mix` across all; in place. */
  #stack(blocks, x, slices) {
    for (const [space, mix] of blocks) {
      const mark = this.network.mark();
      const y = this.network.conv(space, x, { activation: LEAKY, slices });
      this.network.conv(mix, y, { add: x, out: x });
      this.network.reset(mark);
    }
    return x;
  }

  /** Each frame the one before it warped, and changed. */
  #moved(x, last) {
    const { network } = this;
    const flow = network.conv(this.flow, x);
    const frames = network.expanded(network.conv(this.change, x, { slices: SLICES }), PIXELS);
    for (let n = 0; n < UNIT_FRAMES; n++) {
      const before = n ? network.frame(frames, n - 1) : last;
      network.addWarped(before, flow, 2 * n, PATCH, network.frame(frames, n));
    }
    return frames;
  }

  #stillFrames(last) {
    const { network } = this;
    const frames = network.grid([UNIT_FRAMES, last.size[1], last.size[2]], 3);
    for (let n = 0; n < UNIT_FRAMES; n++) network.copy(last, network.frame(frames, n));
    return frames;
  }

  /** A row of a table at every position. */
  #everywhere(table, row, channels, size) {
    return this.network.gather(table, channels, new Int32Array(placesOf(size)).fill(row), size);
  }
}

/** A table with a row for each trained lambda, interpolated: a row for every rate (`ntc/rates.py`). */
function allRates(tensor, knots) {
  const table = floatTensor(tensor);
  const columns = table.length / knots;
  const rates = (knots - 1) * RATES_BETWEEN + 1;
  const found = new Float32Array(rates * columns);
  for (let rate = 0; rate < rates; rate++) {
    const place = Math.min(Math.floor(rate / RATES_BETWEEN), knots - 2);
    const part = rate / RATES_BETWEEN - place;
    for (let n = 0; n < columns; n++)
      found[rate * columns + n] = table[place * columns + n] * (1 - part) + table[(place + 1) * columns + n] * part;
  }
  return found;
}
