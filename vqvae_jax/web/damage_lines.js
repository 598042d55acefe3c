// What of a file cannot be shown, in lines about its frames, which people count from 1.

import { grouped } from "./facts.js";

const MAX_RUNS = 6; // a very damaged file gets no longer list than anybody reads

/** @param decoded { damaged, chunkFrames, frames }: as far as it is known, or null @returns {string[]} */
export function damageLines({ header, foundFrames, indexDamaged }, decoded) {
  const lines = [];
  const there = `${grouped(foundFrames)} of ${grouped(header.frames)} frames are there`;
  if (foundFrames < header.frames) lines.push(`The file is cut short or damaged: ${there}.`);
  else if (indexDamaged) lines.push("The file's end is damaged; all of its frames were found all the same.");
  if (decoded?.damaged.size) lines.push(lineOfRuns(runsOf(decoded)));
  return lines;
}

/** Of one chunk that turned out damaged. */
export function damageLine(chunk, decoded) {
  return lineOfRuns([runOf(chunk, decoded)]);
}

function lineOfRuns(runs) {
  const frames = runs.length > 1 || runs[0][0] < runs[0][1] ? "Frames" : "Frame";
  const listed = runs.slice(0, MAX_RUNS).map(([first, last]) => [...new Set([first, last])].map(grouped).join(" to "));
  const others = runs.length > MAX_RUNS ? " and others" : "";
  return `${frames} ${listed.join(", ")}${others} cannot be shown: the file is damaged there.`;
}

/** Neighbours are one run. */
function runsOf(decoded) {
  const runs = [];
  for (const chunk of [...decoded.damaged].sort((one, other) => one - other)) {
    const [first, last] = runOf(chunk, decoded);
    const before = runs[runs.length - 1];
    if (before?.[1] === first - 1) before[1] = last;
    else runs.push([first, last]);
  }
  return runs;
}

function runOf(chunk, { chunkFrames, frames }) {
  return [chunk * chunkFrames + 1, Math.min((chunk + 1) * chunkFrames, frames)];
}
