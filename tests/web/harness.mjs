// Does in Node what the tests ask for: a list of jobs as JSON on standard input, what came of them on standard output.
// Anything that is no `MsvError` of one line ends it.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

import { loadModel, openFile, openVideo } from "../../vqvae_jax/web/decoder.js";
import { DamagedChunk, MsvError } from "../../vqvae_jax/web/errors.js";
import { readKernels } from "../../vqvae_jax/web/node_files.mjs";
import { compareNetworks } from "./networks.mjs";

const KERNELS = readKernels();
const models = new Map();

/** Files decoded with many models would fill the memory with them. */
async function modelOf(path, wasm) {
  const key = `${path} ${wasm}`;
  if (!models.has(key)) {
    for (const old of models.values()) old.release();
    models.clear();
    models.set(key, await loadModel(readFileSync(path), wasm ? KERNELS : {}, path));
  }
  return models.get(key);
}

function line(error) {
  if (!(error instanceof MsvError) || error.message.includes("\n") || !error.message) throw error;
  return error.message;
}

/** SHA-256 of what a chunk holds: indices level by level as uint16, or latents as int32. */
function digest(content) {
  const hash = createHash("sha256");
  if (Array.isArray(content)) for (const unit of content) hash.update(unit);
  else for (const grid of Object.values(content)) hash.update(Uint16Array.from(grid.data));
  return hash.digest("hex");
}

/** An .msv file: { refused } or { header, notes, chunks: [digest or { damaged }] }; its pictures go to a file. */
async function decode({ file: path, model: modelPath, wasm = true, level, pictures, windowPixels }) {
  try {
    const file = openFile(readFileSync(path), path);
    const { width, height, frames, chunks: all, rate } = file.header;
    const model = await modelOf(modelPath, wasm);
    if (windowPixels) model.made.windowPixels = windowPixels;
    const video = openVideo(file, model);
    const chunks = [];
    for (let chunk = 0; chunk < Math.min(all, file.chunks + 1); chunk++) {
      try {
        chunks.push(digest(await video.content(chunk, level)));
      } catch (error) {
        if (!(error instanceof DamagedChunk)) throw error;
        chunks.push({ damaged: line(error), chunk: error.chunk });
      }
    }
    if (pictures) writeFileSync(pictures, Buffer.concat(await decodedPictures(video, level)));
    const pieces = windowPixels && (await piecesOf(video));
    const { notes, bitsPerPixel, indexDamaged } = file;
    const header = { width, height, frames, all, rate };
    return { header, notes, bitsPerPixel, indexDamaged, chunks, facts: video.facts, pieces };
  } catch (error) {
    return { refused: line(error) };
  }
}

async function decodedPictures(video, level) {
  const found = [];
  for (let chunk = 0; chunk < video.file.chunks; chunk++) {
    const { rgba } = await video.decodeChunk(chunk, { layer: level });
    const rgb = new Uint8Array((rgba.length / 4) * 3);
    for (let n = 0, at = 0; n < rgba.length; n += 4) for (let i = 0; i < 3; i++) rgb[at++] = rgba[n + i];
    found.push(rgb);
  }
  return found;
}

/** Frames of each piece of the first chunk. */
async function piecesOf(video) {
  const found = [];
  for await (const { frames } of video.pieces(0)) found.push(frames);
  return found;
}

/** The container alone: no model is needed. */
function inspect({ file: path }) {
  try {
    const file = openFile(readFileSync(path), path);
    const { version, family, parts, headParts } = file.header;
    const sizes = Array.from({ length: file.chunks }, (_, chunk) => file.readChunk(chunk).map((part) => part.length));
    const head = file.readHeadChunk().map((part) => part.length);
    return { version, family, parts, headParts, sizes, head, notes: file.notes };
  } catch (error) {
    return { refused: line(error) };
  }
}

/** Pictures of a file before its model's kernels were given back, and behind; what came of two chunks at once. */
async function release({ file: path, model: modelPath }) {
  const model = await loadModel(readFileSync(modelPath), KERNELS);
  const video = openVideo(readFileSync(path), model);
  const digestOf = async () => createHash("sha256").update(Buffer.concat(await decodedPictures(video))).digest("hex");
  const before = await digestOf();
  model.release();
  const behind = await digestOf();
  const pieces = video.pieces(0);
  await pieces.next();
  await video.decodeChunk(1);
  const error = await pieces.next().then(() => null, ({ message }) => message);
  return { before, behind, error };
}

const JOBS = { decode, inspect, release, networks: () => compareNetworks(KERNELS.network_kernel) };
const results = [];
for (const { what = "decode", ...job } of JSON.parse(readFileSync(0, "utf8"))) results.push(await JOBS[what](job));
// In MiB, since it became Node: what `resourceUsage` says includes what it was forked from.
const [, kibibytes] = /VmHWM:\s*(\d+)/.exec(readFileSync("/proc/self/status", "utf8"));
const peak = kibibytes / 1024;
process.stdout.write(JSON.stringify({ results, peak }));
