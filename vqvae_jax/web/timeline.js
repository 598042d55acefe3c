// The strip below the slider: which chunks are decoded, damaged or missing; one stroke a pixel, however many there are.

const COLOURS = { whole: "--bar", part: "--bar", damaged: "--accent", none: "--line" };

/** @param {HTMLCanvasElement} canvas @param {DecodedChunks} decoded */
export function drawTimeline(canvas, decoded) {
  const ratio = devicePixelRatio || 1;
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  const wide = (decoded.chunkFrames * width) / decoded.frames;
  const gap = wide > 6 * ratio ? ratio : 0;
  const step = Math.max(1, Math.floor(1 / wide));
  for (let chunk = 0; chunk < decoded.chunks; chunk += step) {
    const state = decoded.state(chunk);
    const left = chunk * wide;
    context.fillStyle = style.getPropertyValue(COLOURS[state]);
    context.globalAlpha = state === "part" ? 0.5 : 1;
    // Damage is told by its shape too, not by colour alone.
    const top = state === "damaged" ? 0 : height / 3;
    context.fillRect(left, top, Math.max(Math.min(wide, width - left) - gap, ratio), height - top);
  }
}

/** Of no file. */
export function clearTimeline(canvas) {
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  for (const name of ["chunks", "bytes"]) delete canvas.dataset[name];
}
