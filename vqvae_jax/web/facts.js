// What the page says of a file: pairs of a term and its text, numbers as people read them.

const FAMILIES = { "": "MS-VQ-VAE", msvqvae: "MS-VQ-VAE", ntc: "NTC" };
const INDEX_MODES = { range: "entropy-coded", deflate: "DEFLATE", fixed: "fixed length" };

/** @returns {[string, string][]} `video` and `speed` (times real time) as far as they are known */
export function factsOf(file, video, speed) {
  const { header } = file;
  const fps = header.rate[0] / header.rate[1];
  const seconds = file.foundFrames / fps;
  const duration = `${seconds.toFixed(seconds < 1 ? 2 : 1)}\u00a0s`;
  const rate = fps.toLocaleString("en", { maximumSignificantDigits: 4 });
  const [bpp, kilobits] = [file.bitsPerPixel.toFixed(4), (file.bitsPerSecond / 1000).toFixed(1)];
  const frames = file.foundFrames < header.frames ? `${grouped(file.foundFrames)} of ` : "";
  const bundle = Array.from(header.bundle, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const model = header.bundle.some(Boolean) ? bundle : "none: the file brings its model along";
  return [
    ["Frames", `${frames}${grouped(header.frames)} at ${rate} a second, ${duration}`],
    ["Coded size", size(header.width, header.height)],
    ["Shown as", size(header.sourceWidth, header.sourceHeight)],
    ["File", `${grouped(file.size)}\u00a0bytes`],
    ["Rate", file.chunks ? `${bpp}\u00a0bpp, ${kilobits}\u00a0kbit/s` : ""],
    ["Family", `${FAMILIES[header.family] ?? header.family}, format ${header.version}`],
    ["Bundle", video ? `${video.bundle} (${bundle})` : model],
    ["Keys", `every ${grouped(header.chunkFrames)} frames, ${grouped(file.chunks)}\u00a0in\u00a0all`],
    ...familyFacts(video?.facts ?? {}),
    ["Decoding", speed ? `${speed.toFixed(1)} times real time` : ""],
  ].filter(([, text]) => text);
}

function familyFacts({ mode, levels = {}, rate, rates }) {
  const found = Object.entries(levels).map(([name, { codes, strides }]) => [
    `Level ${name}`,
    `${grouped(codes)} codes, at\u00a0${strides.join("\u00a0×\u00a0")}`,
  ]);
  if (mode) found.push(["Indices", INDEX_MODES[mode]]);
  if (rates > 1) found.push(["Quality", `${Math.round((100 * rate) / (rates - 1))} of 100`]);
  return found;
}

/** 1234567 as "1,234,567". */
export const grouped = (value) => value.toLocaleString("en");

export const size = (width, height) => `${width}\u00a0×\u00a0${height}`;
