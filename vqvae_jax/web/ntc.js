// NTC's files: the rate that they say beyond the common header, a chunk's bytes to latents, and those to frames
// (docs/format.md, "Payloads of `ntc`"; `ntc/codec/{layout,model}.py`).

import { MsvError } from "./errors.js";
import { checkNtcConfig } from "./model_config.js";
import { WasmNetwork } from "./network.js";
import { PlainNetwork } from "./network_plain.js";
import { NtcNetwork, UNIT_FRAMES } from "./ntc_network.js";
import { readLatents } from "./ntc_prior.js";
import { croppedPixels } from "./pixels.js";
import { UnitKernel } from "./unit_kernel.js";

const COARSE_PIXELS = 8; // to a side of a position of the latents' grid
const LAMBDA_STEPS = 64; // rate numbers from one trained lambda to the next

export class NtcModel {
  static async made({ config: { model: config, skip }, tensors }, kernels) {
    checkNtcConfig(config ?? {}, skip);
    const network = kernels.network_kernel ? new WasmNetwork(kernels.network_kernel) : new PlainNetwork();
    const transform = new NtcNetwork(network, config, tensors);
    await network.ready();
    const prior = priorArrays(tensors, config);
    const kernel = kernels.unit_kernel ? await UnitKernel.made(kernels.unit_kernel, prior) : null;
    return new NtcModel(config, skip, prior, kernel, network, transform);
  }

  constructor(config, skip, prior, kernel, network, transform) {
    Object.assign(this, { config, skip, prior, kernel, network, transform });
    this.clip = config.clip;
    this.rates = (config.lambdas.length - 1) * LAMBDA_STEPS + 1;
    this.turn = 0;
  }

  release() {
    this.network.release();
    this.kernel?.release();
    this.turn++;
  }

  decoder({ header }) {
    return new NtcDecoder(this, header);
  }

  /** Units of latents from a stream, int32 [h, w, M] each. */
  latents(rate, grid, units, stream) {
    const { kernel, prior, skip } = this;
    if (kernel) return [...kernel.read(rate, skip, grid, units, stream)];
    return [...readLatents(prior, rate, skip, grid, units, stream)];
  }
}

/** One file; a chunk's content is its units' latents. */
class NtcDecoder {
  constructor(model, header) {
    const own = header.familyHeader;
    if (header.parts.join() !== "y" || header.headParts.length)
      throw new MsvError(`its parts are ${[...header.headParts, ...header.parts].join(", ")}, not y; it is damaged`);
    if (own.length !== 2) throw new MsvError("its ntc header is one that this player cannot read; update it");
    this.rate = own[0] + 256 * own[1];
    if (this.rate >= model.rates)
      throw new MsvError(`its rate is number ${this.rate} of ${model.rates}; the file is damaged`);
    this.model = model;
    this.header = header;
    this.context = 0;
    this.layers = ["y"];
    const { lambdas } = model.config;
    const place = Math.min(Math.floor(this.rate / LAMBDA_STEPS), lambdas.length - 2);
    const lagrangian = lambdas[place] * (lambdas[place + 1] / lambdas[place]) ** (this.rate / LAMBDA_STEPS - place);
    this.facts = { rate: this.rate, rates: model.rates, lagrangian };
    this.codedSize = [header.height, header.width].map((side) => Math.ceil(side / COARSE_PIXELS) * COARSE_PIXELS);
  }

  /** @throws {CorruptStream} if no encoder wrote these bytes */
  unpack(frames, [part]) {
    const grid = this.codedSize.map((side) => side / COARSE_PIXELS);
    return this.model.latents(this.rate, grid, Math.ceil(frames / UNIT_FRAMES), part);
  }

  /** Frames of one chunk, a unit at a time. */
  *decode(before, units, after, frames) {
    const { model, header } = this;
    const turn = ++model.turn;
    const carry = model.transform.start(...this.codedSize);
    for (let first = 0; first < frames; first += UNIT_FRAMES) {
      if (model.turn !== turn) throw new Error("another chunk was begun before this one was done");
      const pixels = model.transform.unit(units[first / UNIT_FRAMES], carry, this.rate);
      const shown = Math.min(UNIT_FRAMES, frames - first);
      yield { frames: shown, rgba: croppedPixels(model.network, pixels, 0, shown, header) };
    }
  }
}

/** The prior's whole numbers, checked (docs/entropy.md, "Latents of `ntc`"). */
function priorArrays(tensors, { latents, prior_width: width, lambdas }) {
  const found = { latents, width, lambdas: lambdas.length };
  const expected = {
    past: ["I8", [3, 3, 2 * latents, width]],
    now: ["I8", [3, 3, latents, width]],
    first_bias: ["I32", [lambdas.length, width]],
    steps: ["I32", [4, width]],
    middle: ["I8", [width, width]],
    middle_bias: ["I32", [width]],
    out: ["I8", [width, 2 * latents]],
    out_bias: ["I32", [2 * latents]],
    exponents: ["I8", [3]],
  };
  for (const [name, [dtype, shape]] of Object.entries(expected)) {
    const tensor = tensors[`prior/${name}`];
    if (tensor?.dtype !== dtype || tensor.shape.join() !== shape.join())
      throw new MsvError(`the model: its prior is damaged (${name})`);
    found[name] = tensor.data;
  }
  if (found.exponents.some((exponent) => Math.abs(exponent) > 20))
    throw new MsvError("the model: its prior is damaged (exponents)");
  return found;
}
