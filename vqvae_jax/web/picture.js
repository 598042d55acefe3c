// The canvas: a frame of what is decoded, in the size and with the pixels that are asked for.

const GREY = "#808080";

export class Picture {
  #context;
  #header;

  constructor(canvas) {
    this.canvas = canvas;
    this.#context = canvas.getContext("2d", { willReadFrequently: true });
  }

  /** `data-frame` and `data-shown` (whole, preview, waiting, damaged) say what is there, for whoever looks at it. */
  clear() {
    Object.assign(this.canvas.dataset, { frame: "", shown: "" });
  }

  begin(header) {
    this.#header = header;
    [this.canvas.width, this.canvas.height] = [header.width, header.height];
  }

  /** @param {string} chosen "shown" (as the file says), "fit" (in its aspect), or screen pixels for a pixel */
  scale(chosen) {
    const { width, height, sourceWidth, sourceHeight } = this.#header;
    const { style, classList } = this.canvas.parentElement;
    classList.toggle("fit", chosen === "fit");
    style.setProperty("--aspect", sourceWidth / sourceHeight);
    style.setProperty("--wide", `${chosen === "shown" ? sourceWidth : chosen * width}px`);
    style.setProperty("--high", `${chosen === "shown" ? sourceHeight : chosen * height}px`);
  }

  smooth(on) {
    this.canvas.classList.toggle("smooth", on);
  }

  /**
   * Draws a frame, if it is another one than that which is there; of a damaged chunk the last picture before it, or grey.
   *
   * @returns {string} what there is to say of it, in a word or two; nothing if all is well
   */
  show(frame, { decoded, video, layer }) {
    const { dataset, width, height } = this.canvas;
    const chunk = decoded.chunkOf(frame);
    const damaged = decoded.damaged.has(chunk);
    const piece = decoded.piece(frame);
    const shown = damaged ? "damaged" : !piece ? "waiting" : piece.preview ? "preview" : "whole";
    if (dataset.shown !== shown || dataset.frame !== `${frame}`) {
      const last = damaged ? chunk * decoded.chunkFrames - 1 : frame;
      if (decoded.piece(last)) this.#put(decoded.piece(last), last);
      else if (damaged) {
        this.#context.fillStyle = GREY;
        this.#context.fillRect(0, 0, width, height);
      }
      Object.assign(dataset, { shown, frame });
    }
    return { damaged: "damaged", waiting: "decoding", preview: `${layer ?? video.layers[0]} level`, whole: "" }[shown];
  }

  #put({ rgba, first, width, height }, frame) {
    const bytes = 4 * width * height;
    const pixels = rgba.subarray((frame - first) * bytes, (frame - first + 1) * bytes);
    this.#context.putImageData(new ImageData(pixels, width, height), 0, 0);
  }
}
