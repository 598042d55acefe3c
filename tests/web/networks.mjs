// The network kernel beside plain JavaScript: largest differences over the largest value, by operation.

import { WasmNetwork } from "../../vqvae_jax/web/network.js";
import { placesOf } from "../../vqvae_jax/web/network_blocks.js";
import { LEAKY, LINEAR, PlainNetwork, SILU } from "../../vqvae_jax/web/network_plain.js";

/** Numbers in [-1, 1) that are the same everywhere. */
function numbers(count, seed) {
  const hashed = (n) => Math.imul(n + 1 + 1000 * seed, 2654435761) >>> 8;
  return Float32Array.from({ length: count }, (_, n) => hashed(n) / 2 ** 23 - 1);
}

const LAYERS = {
  "1x1x1": { shape: [1, 1, 1, 5, 9], size: [1, 3, 5] },
  "1x3x3": { shape: [1, 3, 3, 7, 10], size: [2, 5, 3] },
  "1x3x3 wide": { shape: [1, 3, 3, 8, 16], size: [3, 8, 6] },
  "1x3x3 one row": { shape: [1, 3, 3, 12, 8], size: [1, 1, 7] },
  "3x1x1": { shape: [3, 1, 1, 8, 8], size: [5, 1, 3] },
  "3x3x3": { shape: [3, 3, 3, 6, 12], size: [3, 3, 3] },
  "4x4x4 strided": { shape: [4, 4, 4, 3, 5], size: [4, 6, 8], step: [2, 2, 2] },
  "grouped": { shape: [1, 3, 3, 4, 12], size: [1, 4, 5], groups: 3 },
  "slices": { shape: [1, 3, 3, 4, 8], size: [1, 5, 4], slices: 2 },
};

function operations(network, made) {
  const found = {};
  const grid = (size, channels, seed) => network.filled(size, channels, numbers(placesOf(size) * channels, seed));
  for (const [name, { layer, norm, shape, size, groups = 1, slices = 1 }] of Object.entries(made)) {
    const x = grid(size, shape[3] * groups * slices, 1);
    const y = (found[name] = network.conv(layer, x, { activation: LEAKY, slices }));
    const added = network.norm(y, ...norm, { activation: SILU });
    found[`${name} normalised`] = added;
    if (slices === 1) found[`${name} added`] = network.conv(layer, x, { activation: LINEAR, add: added });
  }
  const fine = grid([4, 6, 10], 3, 2);
  found.collected = network.collected(fine, [2, 3, 5]);
  found.expanded = network.expanded(found.collected, [2, 3, 5]);
  found.added = network.addExpanded(found.collected, grid([4, 6, 10], 3, 3), [2, 3, 5]);
  found.repeated = network.repeated(grid([1, 2, 3], 5, 4), [2, 1, 3]);
  found.joined = network.joined(grid([1, 2, 3], 5, 5), grid([1, 2, 3], 2, 6));
  const frames = grid([2, 12, 20], 3, 7);
  const flow = network.activate(grid([1, 3, 5], 4, 8), SILU);
  found.warped = frames;
  network.addWarped(network.frame(frames, 0), flow, 2, 4, network.frame(frames, 1));
  return found;
}

async function made(network) {
  const layers = Object.entries(LAYERS).map(([name, layer], seed) => {
    const { shape, step, groups } = layer;
    const weights = numbers(shape.reduce((a, b) => a * b), seed + 10);
    const bias = seed % 3 ? numbers(shape[4], seed + 20) : null;
    const channels = shape[4];
    const constant = (other) => network.constant(numbers(channels, seed + other));
    const norm = [constant(30), seed % 2 ? constant(40) : null];
    return [name, { ...layer, layer: network.layer(shape, weights, bias, { step, groups }), norm }];
  });
  await network.ready();
  network.begin();
  return operations(network, Object.fromEntries(layers));
}

function valuesOf(network, grid) {
  return grid.data ?? network.values(grid, placesOf(grid.size) * grid.stride);
}

/** By operation: largest difference over the largest value. */
export async function compareNetworks(kernel) {
  const plain = new PlainNetwork();
  const wasm = new WasmNetwork(kernel);
  const [expected, found] = [await made(plain), await made(wasm)];
  const worst = {};
  for (const name of Object.keys(expected)) {
    const [a, b] = [valuesOf(plain, expected[name]), valuesOf(wasm, found[name])];
    const same = a.length === b.length && expected[name].size.join() === found[name].size.join();
    const most = a.reduce((found, value, n) => Math.max(found, Math.abs(value - b[n])), 0);
    worst[name] = same ? most / Math.max(...a.map(Math.abs)) : Infinity;
  }
  const rounded = (network, values) => Array.from(network.rgba(network.filled([1, 1, 4], 3, values)));
  // 0.5 and 1.5 levels, far outside, no number.
  const edges = Float32Array.of(-1 + 1 / 255, -1 + 3 / 255, 0, -9, 9, 1, NaN, Infinity, -Infinity, 0.3, -0.3, 0.999);
  return { worst, bytes: [rounded(plain, edges), rounded(wasm, edges)] };
}
