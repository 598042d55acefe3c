// Where Node writes pictures: a file that appears when it is whole, or standard output (`files.py`, `stopping.py`).

import { closeSync, lstatSync, openSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { basename, dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";

import { MsvError } from "./errors.js";

const SIGNALS = { SIGINT: "interrupted", SIGTERM: "terminated", SIGHUP: "hung up" };

export class Sink {
  #part = null;
  #file = null;
  #begun = false;

  /**
   * Opens nothing yet; from now on a signal removes what was begun.
   *
   * @param {string} path ends in .y4m, or is "-"
   * @param {string} input what it must not replace
   * @throws {MsvError} if no file can be put there
   */
  constructor(path, input, overwrite) {
    this.path = path;
    if (path === "-") {
      process.stdout.on("error", () => {}); // `put` says it
      return;
    }
    checkOutput(path, input, overwrite);
    // Cut, for the final name may be as long as the file system allows.
    this.#part = join(dirname(path), `.${basename(path).slice(0, 60)}.part-${process.pid}`);
    for (const [signal, word] of Object.entries(SIGNALS))
      process.on(signal, () => {
        this.discard();
        process.stderr.write(`msv.mjs: ${word}; nothing was written\n`);
        process.exit(128 + constants.signals[signal]);
      });
  }

  /** @throws {MsvError} if they cannot be written; where nobody reads any more, an error with the code EPIPE */
  async put(bytes) {
    if (!this.#part) {
      await new Promise((resolve, reject) =>
        process.stdout.write(bytes, (error) => (error ? reject(this.#told(error)) : resolve())),
      );
      return;
    }
    this.#try(() => {
      this.#file ??= openSync(this.#part, "w");
      this.#begun = true;
      writeFileSync(this.#file, bytes);
    });
    await setImmediate(); // signals are heard between turns of the event loop alone
  }

  finish() {
    if (!this.#part) return;
    this.#try(() => {
      closeSync(this.#file);
      this.#file = null;
      renameSync(this.#part, this.path);
      this.#begun = false;
    });
  }

  discard() {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
    if (this.#begun) rmSync(this.#part, { force: true });
  }

  #try(action) {
    try {
      action();
    } catch (error) {
      throw this.#told(error);
    }
  }

  #told(error) {
    if (error.code === "EPIPE") return error;
    return new MsvError(`${this.path}: cannot be written (${error.code ?? error.message})`);
  }
}

function checkOutput(path, input, overwrite) {
  if (!/[^/]\.y4m$/i.test(path))
    throw new MsvError(`${path || '""'}: the output's name must end in .y4m, or be - for standard output`);
  const [there, source] = [found(statSync, path, "written"), found(statSync, input, "read")];
  if (there && source && there.dev === source.dev && there.ino === source.ino)
    throw new MsvError(`${path}: is the input itself; choose another name`);
  const exists = found(lstatSync, path, "written");
  if (exists && !there?.isFile()) throw new MsvError(`${path}: is there and is no plain file; choose another name`);
  if (exists && !overwrite) throw new MsvError(`${path}: exists already; --force overwrites it`);
  if (!found(statSync, dirname(path), "written")?.isDirectory())
    throw new MsvError(`${path}: cannot be written (there is no folder ${dirname(path)})`);
}

/** What is there; undefined if nothing is. */
function found(stat, path, done) {
  try {
    return stat(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    throw new MsvError(`${path}: cannot be ${done} (${error.code ?? error.message})`);
  }
}
