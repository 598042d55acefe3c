// The page's worker: decodes one file, so that nothing a file holds can stop the page; the page ends it with its file.
//
//   in    { open, name, model, kernels }   open: a Blob; model and kernels: as `loadModel` takes them
//         { turn, decode, layer, frame }   a chunk; where a frame is named only the piece with it. The newest counts.
//   out   { file }, { video }, { refused } what the file says; what its family adds; why not
//         { turn, piece }, { turn, done, milliseconds }, { turn, damaged }

import { checkFamily, loadModel, openFile, openVideo } from "./decoder.js";
import { DamagedChunk, MsvError } from "./errors.js";

const MAX_FILE_BYTES = 2 ** 29;
const MAX_HEADER = 2 ** 13; // more than any header has

let newest;
let last = Promise.resolve();
let video = null;

self.onmessage = ({ data }) => {
  newest = data.turn;
  const work = data.open ? () => open(data) : () => decode(data);
  // One after the other: a model decodes one chunk at a time.
  last = last.then(work).catch((error) => self.postMessage({ refused: lineOf(error) }));
};

async function open({ open: blob, name, model, kernels }) {
  const loading = loadModel(model, kernels, "the page's model");
  loading.catch(() => {}); // said where it is awaited
  // Whatever is no .msv file is refused before it is read whole.
  openFile(await bytesOf(blob.slice(0, MAX_HEADER)), name);
  if (blob.size > MAX_FILE_BYTES)
    throw new MsvError(`${name}: ${blob.size} bytes are too many for a page; ${MAX_FILE_BYTES} can be played`);
  const file = openFile(await bytesOf(blob), name);
  const { header, size, indexDamaged, chunks, foundFrames, bitsPerPixel, bitsPerSecond } = file;
  self.postMessage({ file: { name, header, size, indexDamaged, chunks, foundFrames, bitsPerPixel, bitsPerSecond } });
  checkFamily(file);
  if (!chunks) throw new MsvError(file.notes[0]);
  const loaded = await loading;
  if (!loaded.belongsTo(file)) throw new MsvError(otherBundle(file, loaded));
  video = openVideo(file, loaded);
  self.postMessage({ video: { layers: video.layers, facts: video.facts, bundle: loaded.name } });
}

async function decode({ turn, decode: chunk, layer, frame }) {
  if (!video || turn !== newest) return;
  const start = performance.now();
  try {
    for await (const piece of video.pieces(chunk, { layer })) {
      const here = frame === undefined || (piece.first <= frame && frame < piece.first + piece.frames);
      if (here) self.postMessage({ turn, piece: { ...piece, chunk } }, [piece.rgba.buffer]);
      if (here && frame !== undefined) break;
      await new Promise((resolve) => setTimeout(resolve)); // a newer wish may be waiting
      if (turn !== newest) return;
    }
  } catch (error) {
    if (!(error instanceof DamagedChunk)) throw error;
    self.postMessage({ turn, damaged: chunk });
    return;
  }
  self.postMessage({ turn, done: chunk, milliseconds: performance.now() - start });
}

async function bytesOf(blob) {
  return new Uint8Array(await blob.arrayBuffer());
}

function otherBundle({ name, header }, model) {
  const bundle = Array.from(header.bundle, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const has = `this page has ${model.identity} (${model.name})`;
  return `${name}: was coded with bundle ${bundle}, ${has}; vqvae-jax player PAGE.html --bundle FILE makes one for it`;
}

function lineOf(error) {
  return error instanceof MsvError ? error.message : `The decoder failed: ${error.message}`;
}
