// The page reads without this: it adds tooltips, hiding of series, and a player for all clips.
"use strict";

const explorer = document.querySelector(".explorer");
const tip = document.getElementById("tip");

function show(point) {
  tip.textContent = point.getAttribute("aria-label");
  tip.hidden = false;
  const frame = explorer.getBoundingClientRect();
  const place = point.getBoundingClientRect();
  const left = place.left + place.width / 2 - frame.left - tip.offsetWidth / 2;
  const above = place.top - frame.top - tip.offsetHeight - 6;
  tip.style.left = Math.max(4, Math.min(left, frame.width - tip.offsetWidth - 4)) + "px";
  tip.style.top = (above < 0 ? place.bottom - frame.top + 6 : above) + "px";
}

function hide() {
  tip.hidden = true;
}

if (explorer) {
  for (const point of explorer.querySelectorAll(".point")) {
    point.addEventListener("pointerenter", () => show(point));
    point.addEventListener("focus", () => show(point));
    point.addEventListener("pointerleave", hide);
    point.addEventListener("blur", hide);
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
  for (const key of explorer.querySelectorAll(".keys button")) {
    key.addEventListener("click", () => {
      const shown = key.getAttribute("aria-pressed") !== "true";
      key.setAttribute("aria-pressed", String(shown));
      for (const series of explorer.querySelectorAll(`g[data-series="${key.dataset.series}"]`)) {
        series.classList.toggle("off", !shown);
      }
    });
  }
  explorer.querySelector(".keys").hidden = false;
}

const player = document.querySelector(".player");
if (player) {
  const clips = document.querySelector(".clips");
  const [back, play, on] = player.querySelectorAll("button");
  const slider = player.querySelector("input");
  const said = player.querySelector("output");
  const count = Number(slider.max) + 1;
  const interval = 1000 / Number(player.dataset.fps);
  let timer = null;

  function seek(frame) {
    const index = ((frame % count) + count) % count;
    slider.value = String(index);
    clips.style.setProperty("--frame", index);
    said.textContent = `frame ${index + 1} of ${count}`;
  }
  function pause() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  }
  function start() {
    timer = setInterval(() => seek(Number(slider.value) + 1), interval);
    play.textContent = "Pause";
  }
  function step(by) {
    pause();
    seek(Number(slider.value) + by);
  }
  play.addEventListener("click", () => (timer === null ? start() : pause()));
  back.addEventListener("click", () => step(-1));
  on.addEventListener("click", () => step(1));
  slider.addEventListener("input", () => step(0));
  clips.style.animation = "none"; // the clock is here from now on
  player.hidden = false;
  seek(Number(slider.value));
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) start();
}
