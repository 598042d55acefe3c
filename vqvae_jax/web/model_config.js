// What a bundle says of its model, checked before anything is made of it (`msvqvae/config.py`, `ntc/config.py`).

import { MsvError } from "./errors.js";

const MOST = 2 ** 16; // channels, codes, blocks
const TRIPLE = "three whole numbers";
const COUNT = "a whole number";
const COUNTS = "a whole number of at least 1";

const isWhole = (value, least) => Number.isInteger(value) && value >= least && value <= MOST;
const KINDS = {
  [COUNT]: (value) => isWhole(value, 0),
  [COUNTS]: (value) => isWhole(value, 1),
  [TRIPLE]: (value) => Array.isArray(value) && value.length === 3 && value.every((part) => isWhole(part, 1)),
};

const LEVEL = { strides: TRIPLE, codes: COUNTS, dim: COUNTS };
const MSVQVAE = {
  clip: TRIPLE,
  ...{ width: COUNTS, hidden: COUNTS, early_width: COUNTS, top_width: COUNTS, top_hidden: COUNTS, groups: COUNTS },
  ...{ decoder_blocks: COUNT, top_blocks: COUNT },
};
const NTC = {
  clip: TRIPLE,
  ...{ width: COUNTS, coarse_width: COUNTS, latents: COUNTS, prior_width: COUNTS },
  ...{ coarse_blocks: COUNT, decoder_blocks: COUNT, refine_blocks: COUNT },
};

/** @throws {MsvError} that names the first field that is none of MS-VQ-VAE's */
export function checkMsvqvaeConfig(config) {
  checkFields(config, MSVQVAE);
  const levels = config.top === null ? ["bottom"] : ["bottom", "top"];
  for (const level of levels) checkFields(config[level], LEVEL, `${level}.`);
  const choices = { block: ["full", "factored"], resample: ["conv", "patch"], norm: ["rms", "layer"] };
  for (const [name, allowed] of Object.entries(choices))
    if (!allowed.includes(config[name])) throw wrongField(name, allowed.join(" or "));
  if (!(config.level_dropout >= 0 && config.level_dropout < 1)) throw wrongField("level_dropout", "a number in [0, 1)");
  const { top, bottom, resample } = config;
  if (top && top.strides.some((stride, axis) => stride % bottom.strides[axis]))
    throw wrongField("top.strides", "multiples of bottom.strides");
  if (resample === "conv" && bottom.strides.some((stride) => stride & (stride - 1)))
    throw wrongField("bottom.strides", "powers of two");
}

/** @throws {MsvError} that names the first field that is none of NTC's */
export function checkNtcConfig(config, skip) {
  checkFields(config, NTC);
  if (config.latents % 4) throw wrongField("latents", "a multiple of 4");
  const { lambdas } = config;
  const rising = Array.isArray(lambdas) && lambdas.length > 1 && lambdas.length < 64;
  if (!rising || !lambdas.every((value, n) => value > (n ? lambdas[n - 1] : 0)))
    throw wrongField("lambdas", "two or more numbers above 0, ascending");
  // Bundles from before there was motion do not name it.
  if (!["boolean", "undefined"].includes(typeof config.motion)) throw wrongField("motion", "true or false");
  if (!isWhole(skip, 0)) throw wrongField("skip", COUNT);
}

function checkFields(config, fields, where = "") {
  for (const [name, kind] of Object.entries(fields))
    if (!KINDS[kind](config?.[name])) throw wrongField(where + name, kind);
}

function wrongField(name, expected) {
  return new MsvError(`the model: its ${name} is not ${expected}; it is damaged`);
}
