// What can go wrong, in one line each (`vqvae_jax/errors.py`): anything else that is thrown is a bug.

/** A file, a model or a wish that cannot be: `message` is one line for whoever looks at the page. */
export class MsvError extends Error {}

/** One chunk cannot be read; the others may well be. */
export class DamagedChunk extends MsvError {
  /** @param {string} message @param {number} chunk its number, -1 for the head chunk */
  constructor(message, chunk) {
    super(message);
    this.chunk = chunk;
  }
}

/** Bytes that no encoder with this model wrote. */
export class CorruptStream extends MsvError {}
