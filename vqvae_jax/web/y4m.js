// Pictures as Y4M (YUV4MPEG2) of 4:4:4 and limited range, byte for byte what `vqvae-jax decode IN.msv -` writes
// (`video/{pipes,colours}.py`; docs/codec.md).

// Luma, blue and red difference in 2^-15 by red, green and blue, rounded as FFmpeg's libswscale does.
const BT601 = [[8414, 16519, 3208], [-4865, -9528, 14392], [14392, -12061, -2332]];
const BT709 = [[5983, 20127, 2032], [-3298, -11094, 14392], [14392, -13073, -1320]];
const COLOUR_BITS = 15;
const HIGH_DEFINITION = { width: 1280, height: 576 }; // from this width, or above this height

/** The first line of a file; sizes, rate and the source's aspect are the header's. */
export function y4mHeader({ width, height, rate, sourceWidth, sourceHeight }) {
  const aspect = limitedFraction(sourceWidth * height, sourceHeight * width, 1000);
  return `YUV4MPEG2 W${width} H${height} F${rate.join(":")} Ip A${aspect.join(":")} C444 XCOLORRANGE=LIMITED\n`;
}

/** One picture, planes behind their "FRAME" line; rgba [height, width, 4]. */
export function y4mFrame(rgba, width, height) {
  const matrix = width >= HIGH_DEFINITION.width || height > HIGH_DEFINITION.height ? BT709 : BT601;
  const pixels = width * height;
  const found = new Uint8Array(6 + 3 * pixels);
  found.set([0x46, 0x52, 0x41, 0x4d, 0x45, 0x0a]); // "FRAME\n"
  matrix.forEach(([red, green, blue], plane) => {
    const offset = ((plane ? 256 : 32) << (COLOUR_BITS - 1)) + (1 << (COLOUR_BITS - 7));
    for (let n = 0, at = 6 + plane * pixels; n < pixels; n++, at++) {
      const sum = red * rgba[4 * n] + green * rgba[4 * n + 1] + blue * rgba[4 * n + 2] + offset;
      found[at] = ((sum >> (COLOUR_BITS - 6)) + 32) >> 6; // 14 bits first, as there
    }
  });
  return found;
}

/** The fraction nearest to n / d with a denominator of at most `most` (Python's `Fraction.limit_denominator`). */
function limitedFraction(n, d, most) {
  const [a, b] = lowest(n, d);
  if (b <= most) return [a, b];
  let [p0, q0, p1, q1, x, y] = [0, 1, 1, 0, a, b];
  for (;;) {
    const whole = Math.floor(x / y);
    const q2 = q0 + whole * q1;
    if (q2 > most) break;
    [p0, q0, p1, q1] = [p1, q1, p0 + whole * p1, q2];
    [x, y] = [y, x - whole * y];
  }
  const more = Math.floor((most - q0) / q1);
  return 2 * y * (q0 + more * q1) <= b ? [p1, q1] : [p0 + more * p1, q0 + more * q1];
}

function lowest(n, d) {
  let [a, b] = [n, d];
  while (b) [a, b] = [b, a % b];
  return [n / a, d / a];
}
