// A trained model's tensors and configuration, from a `.safetensors` bundle (`codec/bundle.py`) or packed for a page
// (`web/pack.py`): the same without what only an encoder needs, squeezed.
//
//   packed:   "MSVM", then one zlib stream of: u32 bytes of the JSON; JSON as in a .safetensors file; tensors
//   tensors   of more than a byte an element lie plane by plane, all lowest bytes first: they squeeze better so

import { MsvError } from "./errors.js";

const PACKED_MAGIC = [0x4d, 0x53, 0x56, 0x4d];
const BUNDLE_FORMAT = "vqvae_jax bundle";
const MAX_JSON_BYTES = 2 ** 24;
const MAX_MODEL_BYTES = 2 ** 30;
const TENSOR_TYPES = {
  I8: [Int8Array, "int8"],
  U8: [Uint8Array, "uint8"],
  I16: [Int16Array, "int16"],
  U16: [Uint16Array, "uint16"],
  I32: [Int32Array, "int32"],
  F32: [Float32Array, "float32"],
};

/**
 * @param {Uint8Array} bytes of the file
 * @returns {Promise<{name, family, version, digest, config, tensors}>} tensors: by name, { shape, data } with data a
 *   typed array; 16-bit floats stay what they are stored as, `floatTensor` makes them numbers
 * @throws {MsvError} if it is no bundle, of a newer version, or damaged
 */
export async function readBundle(bytes, where = "the model") {
  bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const packed = PACKED_MAGIC.every((byte, n) => bytes[n] === byte);
  const content = packed ? await inflated(bytes.subarray(4), MAX_MODEL_BYTES, `${where}: is damaged`) : bytes;
  const { metadata, tensors } = readTensors(content, packed, where);
  if (metadata.format !== BUNDLE_FORMAT) throw new MsvError(`${where}: is not a bundle of vqvae_jax`);
  const { name = "", family = "", format_version: version, digest = "" } = metadata;
  if (!["1", "2", "3"].includes(version) || (version === "3") !== (family !== ""))
    throw new MsvError(`${where}: bundle format ${version} of family "${family}"; this player reads 1, 2 and 3`);
  const found = { name, family, version, digest, config: parsed(metadata.model, where), tensors };
  // What was packed has been looked at by Python, and zlib's checksum vouches for the rest of its way.
  if (!packed && (await digestOf(found, metadata.model)) !== digest)
    throw new MsvError(`${where}: the digest does not fit the content; the file is damaged`);
  return found;
}

/** A tensor's numbers as float32; 16 bits are the upper half of a float (bfloat16). */
export function floatTensor(tensor) {
  const { data } = tensor;
  if (data instanceof Float32Array) return data;
  if (!(data instanceof Uint16Array)) throw new MsvError("the model: a weight is neither float32 nor bfloat16");
  const upper = new Uint16Array(2 * data.length);
  for (let n = 0, at = 1; n < data.length; n++, at += 2) upper[at] = data[n];
  return new Float32Array(upper.buffer);
}

/**
 * What a zlib stream holds, at most `limit` bytes.
 *
 * @throws {MsvError} `message` if it is damaged, or holds more
 */
export async function inflated(bytes, limit, message) {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  const pieces = [];
  let size = 0;
  try {
    for (let piece; !(piece = await reader.read()).done; pieces.push(piece.value))
      if ((size += piece.value.length) > limit) throw new RangeError("too long");
  } catch (error) {
    reader.cancel().catch(() => {});
    throw new MsvError(message);
  }
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const piece of pieces) whole.set(piece, offset), (offset += piece.length);
  return whole;
}

function readTensors(content, planes, where) {
  const damaged = new MsvError(`${where}: is no readable .safetensors file`);
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  const wide = planes ? 4 : 8;
  if (content.length < wide) throw damaged;
  const size = view.getUint32(0, true);
  if (size > MAX_JSON_BYTES || wide + size > content.length) throw damaged;
  const text = new TextDecoder().decode(content.subarray(wide, wide + size));
  const { __metadata__: metadata, ...listed } = parsed(text, where);
  const data = content.subarray(wide + size);
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(listed)) {
    const [type] = TENSOR_TYPES[dtype] ?? [];
    const [begin, end] = offsets ?? [];
    const whole = Array.isArray(shape) && shape.every((n) => Number.isInteger(n) && n >= 0);
    const count = whole ? shape.reduce((a, b) => a * b, 1) : NaN;
    if (!type || !(begin >= 0 && end <= data.length && end - begin === count * type.BYTES_PER_ELEMENT)) throw damaged;
    const bytes = data.subarray(begin, end);
    const wide = type.BYTES_PER_ELEMENT;
    const raw = planes && wide > 1 ? interleaved(bytes, wide) : bytes.slice();
    tensors[name] = { dtype, shape, data: new type(raw.buffer) };
  }
  return { metadata: metadata ?? {}, tensors };
}

function interleaved(bytes, wide) {
  const found = new Uint8Array(bytes.length);
  const count = bytes.length / wide;
  for (let plane = 0; plane < wide; plane++)
    for (let n = 0, at = plane * count; n < count; n++) found[n * wide + plane] = bytes[at + n];
  return found;
}

function parsed(text, where) {
  try {
    const value = JSON.parse(text);
    if (value && typeof value === "object") return value;
  } catch {
    // no JSON: as below
  }
  throw new MsvError(`${where}: holds no readable JSON; the file is damaged`);
}

/** SHA-256 over version, family, configuration and every tensor's name, type, shape and bytes. */
async function digestOf({ version, family, tensors }, config) {
  const pieces = [family ? `${version} ${family} ${config} ` : `${version} ${config} `];
  for (const name of Object.keys(tensors).sort()) {
    const { dtype, shape, data } = tensors[name];
    pieces.push(`${name} ${TENSOR_TYPES[dtype][1]}[${shape.join(", ")}] `, data);
  }
  const whole = await new Blob(pieces).arrayBuffer();
  const digest = new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", whole));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
