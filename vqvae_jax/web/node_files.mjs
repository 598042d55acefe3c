// What Node reads from the package: kernels, and the bundles that coded files name.

import { closeSync, openSync, readFileSync, readSync, readdirSync } from "node:fs";
import { MsvError } from "./errors.js";

const PACKAGE = new URL("../", import.meta.url);
const KERNEL_PATHS = {
  grid_kernel: "msvqvae/indices/grid_kernel.wasm",
  unit_kernel: "ntc/codec/unit_kernel.wasm",
  network_kernel: "web/network_kernel.wasm",
};
const LARGEST_JSON = 2 ** 20; // bytes; those of the package have a few thousand

/** All kernels' bytes by name, as `loadModel` wants them. */
export function readKernels() {
  const paths = Object.entries(KERNEL_PATHS);
  return Object.fromEntries(paths.map(([name, path]) => [name, readFileSync(new URL(path, PACKAGE))]));
}

/** A file's bytes, or one line about why there are none. */
export function readBytes(path) {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new MsvError(`${path}: cannot be read (${error.code ?? error.message})`);
  }
}

/** The file of the package's bundle whose digest begins with what a coded file names (`packaged.py`). */
export function bundleOf({ header, name }) {
  const wanted = Buffer.from(header.bundle).toString("hex");
  const folder = new URL("bundles/", PACKAGE);
  const names = readdirSync(folder).filter((file) => file.endsWith(".safetensors")).sort();
  const found = names.find((file) => namedDigest(new URL(file, folder)).startsWith(wanted));
  const known = names.map((file) => file.replace(/\.safetensors$/, "")).join(", ");
  if (!found)
    throw new MsvError(`${name}: was coded with bundle ${wanted}, none of ${known}; give its file with --model`);
  return new URL(found, folder);
}

/** The digest that a bundle's header names, without reading its tensors; empty if it is no bundle. */
function namedDigest(path) {
  const file = openSync(path);
  try {
    const start = Buffer.alloc(8);
    readSync(file, start, 0, 8, 0);
    const length = start.readBigUInt64LE();
    if (length > LARGEST_JSON) return "";
    const json = Buffer.alloc(Number(length));
    readSync(file, json, 0, json.length, 8);
    return JSON.parse(json.toString()).__metadata__?.digest ?? "";
  } catch {
    return ""; // no bundle
  } finally {
    closeSync(file);
  }
}
