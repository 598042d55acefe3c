// The page: chooses files, plays, seeks, and says what there is to say. Decoding is the worker's (`worker.js`).

import { damageLine, damageLines } from "./damage_lines.js";
import { DecodedChunks } from "./decoded_chunks.js";
import { Decoding } from "./decoding.js";
import { factsOf, grouped, size } from "./facts.js";
import { Picture } from "./picture.js";
import { PlayClock } from "./play_clock.js";
import { bytesOfBase64, resource } from "./resources.js";
import { clearTimeline, drawTimeline } from "./timeline.js";

const at = (id) => document.getElementById(id);
const picture = new Picture(at("picture"));
const setup = JSON.parse(new TextDecoder().decode(resource("setup")));
const forWorkers = {
  url: URL.createObjectURL(new Blob([resource("worker")], { type: "text/javascript" })),
  model: resource("weights"),
  kernels: Object.fromEntries(Object.entries(setup.kernels).map(([name, text]) => [name, bytesOfBase64(text)])),
};

let decoding = null;
let clock = new PlayClock(1, 1);
let scale = "fit"; // as it was chosen, for the next file too
let stale = true; // whether the strip below the slider is to be drawn anew

function openBlob(blob, name) {
  decoding?.end();
  clock = new PlayClock(1, 1);
  for (const id of ["refusal", "notes", "about", "frame", "layer-choice"]) at(id).hidden = true;
  for (const id of ["notes", "facts", "place", "status", "badge"]) at(id).replaceChildren();
  for (const id of ["seek", "number"]) at(id).max = at(id).value = 1;
  at("seek").removeAttribute("aria-valuetext");
  at("scale").replaceChildren(new Option("fit", "fit"));
  clearTimeline(at("timeline"));
  stale = true;
  sayPlaying();
  picture.clear();
  at("empty").hidden = false;
  at("empty").textContent = `Opening ${name} …`;
  at("controls").disabled = true;
  at("title").textContent = document.title = name;
  decoding = new Decoding(forWorkers, blob, name, { file: fileKnown, video: videoKnown, changed, refused });
}

function fileKnown() {
  sayFacts();
  sayDamage();
  at("about").hidden = false;
}

function videoKnown({ layers }) {
  const { header, chunks, foundFrames: frames } = decoding.file;
  const { width, height, chunkFrames, rate } = header;
  decoding.decoded = new DecodedChunks({ chunks, chunkFrames, frames, frameBytes: 4 * width * height });
  clock = new PlayClock(frames, rate[0] / rate[1]);
  clock.loops = at("loop").checked;
  picture.begin(header);
  at("seek").max = at("number").max = frames;
  offerLayers(layers);
  offerScales(header);
  at("empty").hidden = true;
  at("frame").hidden = false;
  at("controls").disabled = false;
  sayFacts();
  at("status").textContent = `${decoding.file.name} is open: ${grouped(frames)} frames of ${size(width, height)}.`;
  update();
}

function refused(line) {
  at("refusal").textContent = line;
  at("refusal").hidden = false;
  at("controls").disabled = true;
  clock.playing = false;
  if (at("frame").hidden) at("empty").textContent = "Nothing to show.";
  at("status").textContent = `${document.title} was refused.`; // why is read aloud with `refusal`
  sayPlaying();
}

function changed(damaged) {
  stale = true;
  if (damaged !== undefined) at("status").textContent = damageLine(damaged, decoding.decoded);
  sayFacts();
  sayDamage();
  update();
}

/** Right below the picture. */
function sayDamage() {
  const lines = damageLines(decoding.file, decoding.decoded);
  at("notes").replaceChildren(...lines.map((line) => element("p", line)));
  at("notes").hidden = !lines.length;
}

function sayFacts() {
  const pairs = factsOf(decoding.file, decoding.video, decoding.speed);
  at("facts").replaceChildren(...pairs.flatMap(([term, text]) => [element("dt", term), element("dd", text)]));
}

const element = (kind, textContent) => Object.assign(document.createElement(kind), { textContent });

function offerLayers(layers) {
  const all = new Option("everything", "");
  at("layer").replaceChildren(all, ...layers.slice(0, -1).map((name) => new Option(`${name} level alone`, name)));
  at("layer-choice").hidden = layers.length < 2;
}

function offerScales({ width, height, sourceWidth, sourceHeight }) {
  const options = [1, 2, 4, 8].map((n) => new Option(`${n} ×, ${size(n * width, n * height)}`, `${n}`));
  const shown = new Option(`as shown, ${size(sourceWidth, sourceHeight)}`, "shown");
  at("scale").replaceChildren(new Option("fit", "fit"), shown, ...options);
  at("scale").value = scale;
  picture.scale(scale);
}

/** All that follows from the clock's frame. */
function update() {
  if (!decoding?.decoded) return;
  at("badge").textContent = picture.show(clock.frame, decoding);
  const [frame, frames] = [clock.frame + 1, clock.frames];
  at("seek").value = frame;
  if (document.activeElement !== at("number")) at("number").value = frame;
  at("place").textContent = `of ${grouped(frames)} · ${(clock.frame / clock.rate).toFixed(2)}\u00a0s`;
  // Read aloud where somebody seeks, not 25 times a second.
  if (!clock.playing) at("seek").setAttribute("aria-valuetext", `frame ${frame} of ${frames}`);
  sayPlaying();
  decoding.want(clock.frame, clock.loops);
  if (stale) drawTimeline(at("timeline"), decoding.decoded);
  Object.assign(at("timeline").dataset, { chunks: decoding.decoded.entries.size, bytes: decoding.decoded.bytes });
  stale = false;
}

function sayPlaying() {
  at("play").setAttribute("aria-label", clock.playing ? "Pause" : "Play");
  at("play").classList.toggle("playing", clock.playing);
}

function seek(frame) {
  clock.seek(frame, performance.now());
  update();
}

/** To the key before or behind the frame: the first frame of a chunk. */
function seekKey(direction) {
  const { chunkFrames } = decoding.decoded;
  const chunk = clock.frame / chunkFrames;
  seek(chunkFrames * (direction > 0 ? Math.floor(chunk) + 1 : Math.ceil(chunk) - 1));
}

function step(frames) {
  clock.playing = false;
  seek(clock.frame + frames);
}

function toggle() {
  if (clock.playing) clock.playing = false;
  else clock.play(performance.now());
  update();
}

const ACTIONS = {
  " ": toggle,
  ArrowLeft: (event) => (event.shiftKey ? seekKey(-1) : step(-1)),
  ArrowRight: (event) => (event.shiftKey ? seekKey(1) : step(1)),
  PageUp: () => seekKey(-1),
  PageDown: () => seekKey(1),
  Home: () => seek(0),
  End: () => seek(clock.frames - 1),
};

document.addEventListener("keydown", (event) => {
  const own = event.target.closest("input, select, button, a, summary");
  const slider = own === at("seek");
  if (at("controls").disabled || event.ctrlKey || event.altKey || event.metaKey) return;
  // Buttons and fields keep the keys that are theirs; pages scroll by theirs elsewhere.
  if (own && !slider && (event.key === " " || own.matches("select, #number"))) return;
  if (!ACTIONS[event.key] || (event.key.startsWith("Page") && !slider)) return;
  event.preventDefault();
  ACTIONS[event.key](event);
});

const onClick = { play: toggle, back: () => step(-1), on: () => step(1), choose: () => at("file").click() };
Object.assign(onClick, { "key-back": () => seekKey(-1), "key-on": () => seekKey(1) });
for (const [id, action] of Object.entries(onClick)) at(id).addEventListener("click", action);
at("seek").addEventListener("input", () => seek(at("seek").value - 1));
at("number").addEventListener("change", () => {
  if (at("number").checkValidity()) step(at("number").value - 1 - clock.frame);
});
at("number").addEventListener("blur", update);
at("loop").addEventListener("change", () => {
  clock.loops = at("loop").checked;
  update();
});
at("smooth").addEventListener("change", () => picture.smooth(at("smooth").checked));
at("scale").addEventListener("change", () => picture.scale((scale = at("scale").value)));
at("layer").addEventListener("change", () => {
  decoding.show(at("layer").value || undefined);
  changed();
});
at("file").addEventListener("change", () => {
  const [file] = at("file").files;
  if (file) openBlob(file, file.name);
  at("file").value = ""; // so that the same file can be chosen again
});

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  const [file] = event.dataTransfer.files;
  if (file) openBlob(file, file.name);
});

function redraw() {
  stale = true;
  update();
}
addEventListener("resize", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

function tick(now) {
  if (clock.playing) {
    clock.advance(now, (frame) => decoding.decoded.ready(frame));
    update();
  }
  requestAnimationFrame(tick);
}
requestAnimationFrame(tick);

at("model").textContent = `This page has bundle ${setup.bundle}, and plays files that were coded with it.`;
if (setup.video) openBlob(new Blob([resource("clip")]), setup.video);
