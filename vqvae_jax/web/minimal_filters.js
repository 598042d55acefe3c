// When and with how much memory 3x3 convolutions are computed by minimal filtering: `conv3x3` of `network_kernel.c`.

const LANES_OF_BLOCK = 8; // outputs of a block of weights
const TILE_OUTPUTS = 4; // to a side
const TILES_AT_ONCE = 48;
const PRODUCTS = 36; // for each tile, in place of 9 for each of its 16 outputs

const GAP_FLOATS = 16;

const filledUp = (count, multiple) => Math.ceil(count / multiple) * multiple;

export function isMinimal(kernel, step) {
  return [...kernel, ...step].join() === "1,3,3,1,1,1";
}

/** Whether tiles are filled well enough that there are fewer products. */
export function worthwhile([, height, width]) {
  const tiles = Math.ceil(height / TILE_OUTPUTS) * Math.ceil(width / TILE_OUTPUTS);
  return PRODUCTS * tiles < 0.7 * 9 * height * width;
}

/** Floats of a layer's weights as filters, [36, blocks, inputs, LANES]. */
export function filterFloats(inputs, outputs) {
  return PRODUCTS * inputs * filledUp(outputs, LANES_OF_BLOCK);
}

/** Floats that the kernel wants for what lies between. */
export function scratchFloats(inputs, outputs) {
  return PRODUCTS * (TILES_AT_ONCE * (filledUp(inputs, 4) + filledUp(outputs, LANES_OF_BLOCK)) + 2 * GAP_FLOATS);
}
