// Blocks of positions as channels of one, and back: what both networks do with their own `grid` and `_blocks`.

import { checkBlocks } from "./network_checks.js";

/** Between a grid of blocks and one of single positions. */
export const EXPAND = 0;
export const EXPAND_ADD = 1;
export const COLLECT = 2;

export const placesOf = (size) => size[0] * size[1] * size[2];

export class BlockNetwork {
  /** Blocks' channels (frame, row, column, channel) to single positions: [t, h, w] to [t ft, h fh, w fw]. */
  expanded(x, factors) {
    checkBlocks(x, placesOf(factors));
    const channels = x.channels / placesOf(factors);
    const fine = this.grid(x.size.map((n, axis) => n * factors[axis]), channels);
    return this._blocks(x, fine, factors, channels, EXPAND);
  }

  /** The same, added to what is there. */
  addExpanded(x, fine, factors) {
    checkBlocks(x, placesOf(factors), fine.channels);
    return this._blocks(x, fine, factors, x.channels / placesOf(factors), EXPAND_ADD);
  }

  /** The inverse of `expanded`. */
  collected(fine, factors) {
    const size = fine.size.map((n, axis) => n / factors[axis]);
    const coarse = this.grid(size, fine.channels * placesOf(factors));
    this._blocks(coarse, fine, factors, fine.channels, COLLECT);
    return coarse;
  }
}
