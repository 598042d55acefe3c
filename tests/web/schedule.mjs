// Plays and seeks in chunks that are "decoded" at once, as jobs on standard input say; what was there at each step as
// JSON on standard output.

import { readFileSync } from "node:fs";

import { DecodedChunks } from "../../vqvae_jax/web/decoded_chunks.js";
import { PlayClock } from "../../vqvae_jax/web/play_clock.js";

/** By step: the chunks that were wished for, in order, and what is kept then. */
function seeks({ sizes, budget, steps }) {
  const decoded = new DecodedChunks(sizes, budget);
  const { chunks, chunkFrames, frames, frameBytes } = sizes;
  return steps.map(([head, loops, most]) => {
    const wishes = [];
    decoded.evict(head, loops);
    for (let chunk; wishes.length < most && (chunk = decoded.next(head, loops)) !== null; wishes.push(chunk)) {
      const first = chunk * chunkFrames;
      const count = Math.min(chunkFrames, frames - first);
      decoded.add({ chunk, first, frames: count, rgba: new Uint8Array(count * frameBytes) });
      decoded.finish(chunk);
      if (decoded.bytes > Math.max(budget, chunkFrames * frameBytes)) throw new Error("over the budget");
    }
    const kept = Array.from({ length: chunks }, (_, chunk) => chunk).filter((chunk) => decoded.state(chunk) === "whole");
    return { wishes, kept };
  });
}

/** Frames of a clock at times in milliseconds; `missing` are never ready. */
function plays({ frames, rate, loops, start, times, missing }) {
  const clock = new PlayClock(frames, rate);
  clock.loops = loops;
  clock.seek(start, 0);
  clock.play(0);
  return times.map((now) => {
    clock.advance(now, (frame) => !missing.includes(frame));
    return [clock.frame, clock.playing];
  });
}

const jobs = JSON.parse(readFileSync(0));
process.stdout.write(JSON.stringify(jobs.map((job) => (job.sizes ? seeks(job) : plays(job)))));
