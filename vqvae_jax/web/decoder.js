// Decodes .msv files without Python: what the page, its worker and `msv.mjs` are written against.
//
//   const kernels = { grid_kernel, unit_kernel, network_kernel };   // bytes of the .wasm files, by name; {} for none
//   const model = await loadModel(bytes, kernels);                  // a packed model (web/pack.py), or a bundle
//   const file = openFile(bytes);                                   // needs no model: what the file says of itself
//   const video = openVideo(file, model);                           // or openVideo(bytes, model)
//   const { rgba, frames } = await video.decodeChunk(0);            // or { layer: video.layers[0] } for a preview
//
// file, of `openFile(bytes, name)`:
//   header     { version, family, bundle (hexadecimal), width, height, sourceWidth, sourceHeight, rate: [num, den],
//              frames, chunkFrames, chunks, parts, headParts, familyHeader, indexed }
//   size       bytes;  bitsPerPixel, bitsPerSecond: of the whole chunks that are there, all overhead included
//   chunks     that can be found; fewer than header.chunks where the file is cut short
//   notes      [line]: an index that is missing, a file that is cut short; empty where all is well
//   starts     of every chunk in the file, and last where they end; partSizes(k): bytes by part
// video, of `openVideo`: all of the file's fields are at `video.file`; and
//   layers     names of what can be decoded alone, coarse first; the last one is everything
//   facts      what the family says: { mode, levels } or { rate, rates, lagrangian }
//   frames     of the video; those behind the last whole chunk cannot be decoded (`file.chunks`)
//   keys       numbers of the frames with which chunks begin: from there on any frame is decoded
//   decodeChunk(k, { layer })  -> Promise of { first, frames, width, height, rgba }: rgba is a Uint8ClampedArray
//              [frames, height, width, 4], as ImageData wants it; first is the number of its first frame
//   pieces(k, { layer })       -> async iterator of the same, of as many frames at a time as the model makes at once,
//              so that a long chunk shows its first frame before its last one is computed
//   Chunks can be decoded in any order; those of MS-VQ-VAE are a little quicker one after the other. One at a time for
//   each model: await one before asking for the next. Nothing that was handed out is kept or written to again.
// model, of `loadModel`: { name, family, identity (16 hexadecimal digits), digest, clip: [frames, height, width] };
//   belongsTo(file): whether the file was coded with it. A model serves any number of videos; `model.release()` gives
//   back what its kernels hold.
//
// Errors are `MsvError`s of one line: no .msv file, a newer version, a damaged header, another bundle than the
// model's, chunks that are too large. `DamagedChunk` (with `.chunk`) is one too: it costs that chunk and no other, a player
// shows its last picture or grey meanwhile. Anything else that is thrown is a bug.
//
// How it all gets into a page: `vqvae_jax/web/pack.py` gives the packed model (`pack_model`), the kernels' bytes
// (`kernels`), and all modules in one script without imports (`script`), which is why imports stand one to a line and
// top-level names are unique over all files.

import { readBundle } from "./bundle.js";
import { Container } from "./container.js";
import { CorruptStream, DamagedChunk, MsvError } from "./errors.js";
import { MsvqvaeModel } from "./msvqvae.js";
import { NtcModel } from "./ntc.js";

const MAX_CHUNK_PIXELS = 2 ** 25; // four frames of 3840x2160
const FAMILY_MODELS = new Map(Object.entries({ "": MsvqvaeModel, msvqvae: MsvqvaeModel, ntc: NtcModel }));
const ELSEWHERE = ["envc", "mvc"]; // families that Python alone decodes

/** A model from a packed model's or a bundle's bytes; see above. */
export async function loadModel(bytes, kernels = {}, where = "the model") {
  const bundle = await readBundle(bytes, where);
  const family = FAMILY_MODELS.get(bundle.family);
  if (!family) throw new MsvError(`${where}: is of family ${bundle.family}, which this player cannot decode`);
  return new Model(bundle, await family.made(bundle, kernels));
}

/** An .msv file by its header and index; `name` is for messages. */
export function openFile(bytes, name) {
  return new Container(bytes, name);
}

/** @throws {MsvError} if no model makes this decoder play a file, for its family is one that Python alone decodes. */
export function checkFamily({ header, name }) {
  const line = `${header.family} files are not played here; vqvae-jax decode writes them as a video`;
  if (ELSEWHERE.includes(header.family)) throw new MsvError(`${name}: ${line}`);
}

/** A file, or its bytes, ready to be decoded with the model that it was coded with. */
export function openVideo(file, model) {
  return new Video(file instanceof Container ? file : new Container(file), model);
}

const hexadecimal = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

class Model {
  constructor(bundle, made) {
    this.made = made;
    this.name = bundle.name;
    this.family = bundle.family || "msvqvae";
    this.digest = bundle.digest;
    this.identity = bundle.digest.slice(0, 16);
    this.clip = made.clip;
  }

  belongsTo({ header }) {
    return this.identity.startsWith(hexadecimal(header.bundle)) && ["", this.family].includes(header.family);
  }

  release() {
    this.made.release();
  }
}

class Video {
  #decoder;
  #recent = new Map();

  constructor(file, model) {
    const { header, name } = file;
    this.file = file;
    checkFamily(file);
    const bundle = hexadecimal(header.bundle);
    if (!model.belongsTo(file))
      throw new MsvError(`${name}: was coded with bundle ${bundle}, this player has ${model.identity} (${model.name})`);
    try {
      this.#decoder = model.made.decoder(file);
      file.readHeadChunk();
    } catch (error) {
      if (error instanceof DamagedChunk || !(error instanceof MsvError)) throw error;
      throw new MsvError(`${name}: ${error.message}`);
    }
    // A chunk holds no more frames than the video, whatever its header says.
    const frames = Math.min(header.chunkFrames, header.frames);
    const [height, width] = this.#decoder.codedSize;
    if (frames * height * width > MAX_CHUNK_PIXELS)
      throw new MsvError(`${name}: chunks of ${frames} frames of ${width}x${height} are too large to be decoded`);
    this.layers = this.#decoder.layers;
    this.facts = this.#decoder.facts;
    this.frames = header.frames;
  }

  /** Of chunks that are there: a header may promise four thousand million frames. */
  get keys() {
    return Array.from({ length: this.file.chunks }, (_, chunk) => chunk * this.file.header.chunkFrames);
  }

  async decodeChunk(chunk, options = {}) {
    const { width, height } = this.file.header;
    const frames = this.file.framesInChunk(chunk);
    const rgba = new Uint8ClampedArray(this.#checked(chunk) && frames * width * height * 4);
    let done = 0;
    for await (const piece of this.pieces(chunk, options)) {
      rgba.set(piece.rgba, done * width * height * 4);
      done += piece.frames;
    }
    return { first: chunk * this.file.header.chunkFrames, frames, width, height, rgba };
  }

  async *pieces(chunk, { layer } = {}) {
    this.#checked(chunk);
    if (layer != null && !this.layers.includes(layer))
      throw new MsvError(`${this.file.name}: has no layer ${layer}; it has ${this.layers.join(", ")}`);
    const { width, height, chunkFrames } = this.file.header;
    const here = await this.content(chunk, layer);
    const { context } = this.#decoder;
    // A lost neighbour costs this chunk no more than the beginning of a video does.
    const side = (other) => (context ? this.content(other, layer).catch(lost) : null);
    const [before, after] = [await side(chunk - 1), await side(chunk + 1)];
    let first = chunk * chunkFrames;
    const frames = this.file.framesInChunk(chunk);
    for (const piece of this.#decoder.decode(before, here, after, frames, layer)) {
      yield { first, width, height, ...piece };
      first += piece.frames;
    }
  }

  /** One chunk as its family unpacks it: indices by level, or latents; remembered while its neighbours may want it. */
  async content(chunk, layer) {
    if (chunk < 0 || chunk >= this.file.header.chunks) return null;
    const key = `${chunk} ${layer ?? ""}`;
    if (!this.#recent.has(key)) {
      this.#recent.set(key, this.#unpacked(chunk, layer));
      for (const old of this.#recent.keys())
        if (this.#recent.size > 2 * this.#decoder.context + 1) this.#recent.delete(old);
    }
    return this.#recent.get(key);
  }

  async #unpacked(chunk, layer) {
    const count = layer == null ? undefined : this.layers.indexOf(layer) + 1;
    const parts = this.file.readChunk(chunk, count);
    try {
      return await this.#decoder.unpack(this.file.framesInChunk(chunk), parts);
    } catch (error) {
      throw error instanceof CorruptStream ? this.file.damaged(chunk, error.message) : error;
    }
  }

  #checked(chunk) {
    if (Number.isInteger(chunk) && chunk >= 0 && chunk < this.file.header.chunks) return true;
    throw new MsvError(`${this.file.name}: has no chunk ${chunk}; it has ${this.file.header.chunks}`);
  }
}

function lost(error) {
  if (error instanceof DamagedChunk) return null;
  throw error;
}
