// Decoded chunks around the play head, within a budget: which to decode next, and which to forget.

const BUDGET_BYTES = 2 ** 26;

export class DecodedChunks {
  /**
   * @param {{ chunks, chunkFrames, frames, frameBytes }} sizes of the video; frames: those that can be decoded
   * @param {number} budget bytes; the chunk at the play head is kept even if it alone has more
   */
  constructor({ chunks, chunkFrames, frames, frameBytes }, budget = BUDGET_BYTES) {
    Object.assign(this, { chunks, chunkFrames, frames });
    const fit = Math.floor(budget / (Math.min(chunkFrames, frames) * frameBytes));
    this.behind = fit > 2 ? 1 : 0;
    this.ahead = Math.min(Math.max(fit - 1 - this.behind, 0), chunks - 1);
    this.clear();
  }

  clear() {
    this.entries = new Map(); // by chunk: { pieces, whole }
    this.damaged = new Set(); // chunks
  }

  get bytes() {
    let sum = 0;
    for (const { pieces } of this.entries.values()) for (const { rgba } of pieces) sum += rgba.length;
    return sum;
  }

  chunkOf(frame) {
    return Math.floor(frame / this.chunkFrames);
  }

  /** A piece of a chunk; a preview gives way to what comes after it, piece by piece. */
  add(piece) {
    const entry = this.entries.get(piece.chunk) ?? { pieces: [], whole: false };
    const end = piece.first + piece.frames;
    entry.pieces = entry.pieces.filter((old) => old.first >= end || old.first + old.frames <= piece.first);
    entry.pieces.push(piece);
    this.entries.set(piece.chunk, entry);
  }

  damage(chunk) {
    this.entries.delete(chunk);
    this.damaged.add(chunk);
  }

  finish(chunk) {
    const entry = this.entries.get(chunk);
    if (entry) entry.whole = true;
  }

  /** The piece that holds a frame; undefined as long as there is none. */
  piece(frame) {
    const entry = this.entries.get(this.chunkOf(frame));
    return entry?.pieces.find(({ first, frames }) => first <= frame && frame < first + frames);
  }

  /** Whether playing may go on to a frame: it is there, or never will be. */
  ready(frame) {
    return this.damaged.has(this.chunkOf(frame)) || this.piece(frame) !== undefined;
  }

  state(chunk) {
    if (this.damaged.has(chunk)) return "damaged";
    const entry = this.entries.get(chunk);
    return entry ? (entry.whole ? "whole" : "part") : "none";
  }

  /** Forgets what is far from the head. */
  evict(head, loops) {
    for (const chunk of this.entries.keys())
      if (this.#ahead(head, chunk, loops) > this.ahead && (chunk > head || head - chunk > this.behind))
        this.entries.delete(chunk);
  }

  /** The chunk to decode next: that at the head, then those after it; null if all that may be kept is there. */
  next(head, loops) {
    for (let step = 0; step <= this.ahead; step++) {
      const chunk = loops ? (head + step) % this.chunks : head + step;
      if (chunk < this.chunks && ["none", "part"].includes(this.state(chunk))) return chunk;
    }
    return null;
  }

  #ahead(head, chunk, loops) {
    if (chunk >= head) return chunk - head;
    return loops ? chunk + this.chunks - head : Infinity;
  }
}
