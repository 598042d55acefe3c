// The page's side of the worker: one worker for each file, one chunk under way at a time, the play head's first.

const QUICK_MILLISECONDS = 200; // a chunk that is there as soon needs no preview
const WORTH_WAITING = 2; // nor does one that takes no longer than so many previews

/** Tells `listener.file`, `.video`, `.changed` (with a chunk that turned out damaged) and `.refused`; `decoded` is what
 * is there. */
export class Decoding {
  #worker;
  #underWay = null;
  #turn = 0;
  #previewed = null; // the chunk that was
  #previews = true; // whether they are worth their time
  #previewMilliseconds = 0;

  /** @param {{ url, model, kernels }} setup of workers @param {Blob} blob the file */
  constructor({ url, model, kernels }, blob, name, listener) {
    this.listener = listener;
    this.decoded = null;
    this.video = null;
    this.speed = 0; // times real time
    this.layer = undefined; // of a preview alone
    this.#worker = new Worker(url);
    this.#worker.onmessage = ({ data }) => this.#worker && this.#told(data);
    this.#worker.onerror = (event) => this.#refused(`The decoder failed: ${event.message}`);
    this.#worker.postMessage({ open: blob, name, model, kernels });
  }

  /** Whatever the worker is at. */
  end() {
    this.#worker?.terminate();
    this.#worker = null;
  }

  /** Everything anew, by one layer alone or (undefined) by all. */
  show(layer) {
    this.layer = layer;
    this.decoded.clear();
    this.#underWay = this.#previewed = null;
  }

  /** Has decoded what is wanted most: the chunk at the frame, then those after it. Forgets what is far from it. */
  want(frame, loops) {
    if (!this.#worker || !this.video) return;
    const head = this.decoded.chunkOf(frame);
    this.decoded.evict(head, loops);
    const wish = this.#wish(frame, head, loops);
    // What is under way goes on to its end, unless the head's chunk is wanted and this is another one.
    if (!wish || (this.#underWay && (this.#underWay.decode === head || wish.decode !== head))) return;
    this.#underWay = { ...wish, turn: ++this.#turn };
    if (wish.frame !== undefined) this.#previewed = head;
    this.#worker.postMessage(this.#underWay);
  }

  #wish(frame, head, loops) {
    const chunk = this.decoded.next(head, loops);
    if (chunk === null) return null;
    const wanted = this.#previews && !this.layer && this.video.layers.length > 1;
    const preview = wanted && chunk === head && chunk !== this.#previewed && !this.decoded.piece(frame);
    return preview ? { decode: chunk, layer: this.video.layers[0], frame } : { decode: chunk, layer: this.layer };
  }

  #told({ file, video, refused, turn, piece, done, damaged, milliseconds }) {
    if (file) this.listener.file((this.file = file));
    if (video) this.listener.video((this.video = video));
    if (refused) this.#refused(refused);
    if (turn === undefined || turn !== this.#underWay?.turn) return;
    const preview = this.#underWay.frame !== undefined;
    if (piece) this.decoded.add({ ...piece, preview: preview || this.layer !== undefined });
    if (damaged !== undefined) this.decoded.damage(damaged);
    if (done !== undefined && preview) this.#previewMilliseconds = milliseconds;
    else if (done !== undefined) this.#finished(done, milliseconds);
    if (!piece) this.#underWay = null;
    this.listener.changed(damaged);
  }

  #finished(chunk, milliseconds) {
    const { chunkFrames, frames } = this.decoded;
    const { rate } = this.file.header;
    this.decoded.finish(chunk);
    this.#previews = milliseconds > Math.max(QUICK_MILLISECONDS, WORTH_WAITING * this.#previewMilliseconds);
    const count = Math.min(chunkFrames, frames - chunk * chunkFrames);
    this.speed = (count * rate[1] * 1000) / (rate[0] * milliseconds);
  }

  #refused(line) {
    this.end();
    this.listener.refused(line);
  }
}
