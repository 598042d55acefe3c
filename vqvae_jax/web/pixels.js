// What a network gives as pictures that can be shown.

import { MsvError } from "./errors.js";

/** Some frames of a grid of pixels as RGBA, without padding right and bottom. */
export function croppedPixels(network, pixels, first, frames, { width, height }) {
  const [, rows, columns] = pixels.size;
  if (pixels.channels !== 3 || rows < height || columns < width)
    throw new MsvError(`the model: its pixels have ${pixels.channels} values; it is damaged`);
  const found = new Uint8ClampedArray(frames * height * width * 4);
  for (let n = 0; n < frames; n++) {
    const mark = network.mark();
    const frame = network.rgba(network.frame(pixels, first + n));
    network.reset(mark);
    if (columns === width) found.set(frame.subarray(0, height * width * 4), n * height * width * 4);
    else
      for (let y = 0; y < height; y++)
        found.set(frame.subarray(y * columns * 4, (y * columns + width) * 4), (n * height + y) * width * 4);
  }
  return found;
}
