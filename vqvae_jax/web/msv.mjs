#!/usr/bin/env node
// An .msv file to Y4M, without Python (docs/player.md).

import { basename } from "node:path";
import { parseArgs } from "node:util";

import { checkFamily, loadModel, openFile, openVideo } from "./decoder.js";
import { DamagedChunk, MsvError } from "./errors.js";
import { bundleOf, readBytes, readKernels } from "./node_files.mjs";
import { Sink } from "./output.mjs";
import { y4mFrame, y4mHeader } from "./y4m.js";

const USAGE = `usage: node msv.mjs IN.msv OUT.y4m|- [OPTIONS]

  --model FILE       the bundle (.safetensors) or packed model that the file was coded with; by default the one of the
                     package that the file names
  --level NAME       decode this level alone, a preview: top
  --on-error skip    repeat the last good picture (grey, if there was none) for a damaged chunk; end where a file that
                     is cut short does
  --force            overwrite OUT
  --time             say how long the processor took: to be ready, for the first picture, for the others`;
const GREY = 128;

async function main() {
  const options = parsedOptions();
  const [input, output] = options.positionals;
  const { model: modelFile, level, "on-error": onError, force, time } = options.values;
  const sink = new Sink(output, input, force);
  const file = openFile(readBytes(input), input);
  checkFamily(file);
  const modelPath = modelFile ?? bundleOf(file);
  const model = await loadModel(readBytes(modelPath), readKernels(), basename(String(modelPath)));
  const video = openVideo(file, model);
  const times = [processorSeconds()];
  if (level !== undefined && !video.layers.includes(level))
    throw new MsvError(`${input}: has no level ${level}; it has ${video.layers.join(", ")}`);
  const cut = file.chunks < file.header.chunks;
  if (cut && onError !== "skip")
    throw new MsvError(`${file.notes[0]}; --on-error skip decodes the ${file.foundFrames} frames before`);

  try {
    await sink.put(Buffer.from(y4mHeader(file.header)));
    await writeFrames(video, level, onError === "skip", async (bytes) => {
      await sink.put(bytes);
      if (times.length < 2) times.push(processorSeconds());
    });
    sink.finish();
  } catch (error) {
    sink.discard();
    throw error;
  }
  for (const note of file.notes) say(`warning: ${note}`);
  const { width, height, rate } = file.header;
  say(`${output}: ${file.foundFrames} frames of ${width}x${height} at ${rate[1] === 1 ? rate[0] : rate.join("/")} fps`);
  if (time) say(timesLine(times, file.foundFrames, rate));
}

function processorSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Seconds of the processor until the model was ready, for the first picture, and for the rest against its length. */
function timesLine([ready, first], frames, [numerator, denominator]) {
  const [rest, played] = [processorSeconds() - first, ((frames - 1) * denominator) / numerator];
  const [a, b, c] = [ready, first - ready, rest].map((seconds) => seconds.toFixed(2));
  return `time: ready ${a} s, first frame ${b} s, others ${c} s, ${(played / rest).toFixed(1)} times real time`;
}

async function writeFrames(video, level, skip, put) {
  const { width, height } = video.file.header;
  let last = new Uint8ClampedArray(width * height * 4).fill(GREY);
  for (let chunk = 0; chunk < video.file.chunks; chunk++) {
    let missing = video.file.framesInChunk(chunk);
    try {
      for await (const { frames, rgba } of video.pieces(chunk, { layer: level }))
        for (let n = 0; n < frames; n++, missing--) {
          last = rgba.subarray(n * last.length, (n + 1) * last.length);
          await put(y4mFrame(last, width, height));
        }
    } catch (error) {
      if (!(error instanceof DamagedChunk)) throw error;
      if (!skip) throw new MsvError(`${error.message}; --on-error skip goes on behind it`);
      say(`skipped: ${error.message}`);
      for (; missing; missing--) await put(y4mFrame(last, width, height));
    }
  }
}

function parsedOptions() {
  const text = { type: "string" };
  const flag = { type: "boolean" };
  const stopOrSkip = { ...text, default: "stop" };
  const options = { model: text, level: text, "on-error": stopOrSkip, force: flag, time: flag, help: flag };
  try {
    const found = parseArgs({ options, allowPositionals: true });
    if (found.values.help) {
      process.stdout.write(`${USAGE}\n`);
      process.exit(0);
    }
    if (found.positionals.length !== 2) throw new MsvError("give IN.msv and OUT.y4m (or -); --help says more");
    const { "on-error": onError } = found.values;
    if (!["stop", "skip"].includes(onError)) throw new MsvError(`on-error=${onError}: expected stop or skip`);
    return found;
  } catch (error) {
    throw error instanceof MsvError ? error : new MsvError(error.message.split("\n")[0]);
  }
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

main().catch((error) => {
  if (error.code === "EPIPE") process.exit(0); // nobody reads any more
  if (!(error instanceof MsvError)) throw error;
  say(error.message);
  process.exitCode = 2;
});
