// Which frame is due: frames follow the clock, wait where one is not there yet, and begin anew or end behind the last.

export class PlayClock {
  /** @param {number} frames of the video @param {number} rate frames per second */
  constructor(frames, rate) {
    Object.assign(this, { frames, rate, frame: 0, since: 0, playing: false, loops: false });
  }

  /** Starts, or goes on; from the beginning where the end was reached. */
  play(now) {
    if (this.frame === this.frames - 1) this.frame = 0;
    this.playing = true;
    this.since = now;
  }

  seek(frame, now) {
    this.frame = Math.min(Math.max(Math.round(frame), 0), this.frames - 1);
    this.since = now;
  }

  /**
   * Goes on to the frame that is due if it is there; else, or after a second without a call, to the one after this one.
   *
   * @param {number} now milliseconds
   * @param {(frame: number) => boolean} ready
   */
  advance(now, ready) {
    const passed = this.playing ? Math.floor(((now - this.since) * this.rate) / 1000) : 0;
    if (passed < 1) return;
    const due = this.#after(passed);
    if (passed <= Math.max(this.rate, 1) && ready(due)) {
      if (due === this.frame && !this.loops) this.playing = false;
      this.frame = due;
      this.since += (passed * 1000) / this.rate;
      return;
    }
    const next = this.#after(1);
    if (ready(next)) this.frame = next;
    this.since = now;
  }

  #after(frames) {
    const frame = this.frame + frames;
    return this.loops ? frame % this.frames : Math.min(frame, this.frames - 1);
  }
}
