// The world's conditions: how Google behaves, and what time it is.

import { attempt } from "./actions.js";
import { control } from "./api.js";
import { el, notify } from "./dom.js";
import { now, state } from "./store.js";

const MOODS = {
  usual: ["Usual", "A clip takes 6 seconds.", { seconds: 6 }],
  slow: ["Slow", "A clip takes two minutes.", { seconds: 120 }],
  blocked: ["Blocks", "Every clip is refused by the safety filter.", { outcome: "filtered" }],
  quota: ["Over quota", "No request may start for a minute and longer.", { quota: { "*": { per_minute: 0 } } }],
  failing: ["Fails", "Every clip ends with an error.", { outcome: "failed" }],
  gone: ["Gone", "Nothing answers: connections are cut.", {}],
};
const STEPS = [["1 minute", 60], ["15 minutes", 900], ["1 hour", 3600], ["1 day", 86400], ["1 week", 604800]];
const ALL_PATHS = ".";
let goneFault = null;

export function startConditions() {
  const box = document.getElementById("conditions");
  const group = el("fieldset", {}, el("legend", { text: "Google is…" }), Object.entries(MOODS).map(([key, [name, description]]) =>
    el("label", { class: "mood" },
      el("input", { type: "radio", name: "mood", value: key, checked: key === "usual", on: { change: () => setMood(key) } }),
      el("span", {}, el("strong", { text: name }), el("span", { text: description })))));
  const clock = el("time", { id: "clock" });
  const turn = el("fieldset", {}, el("legend", { text: "The clock" }), el("p", {}, "It is ", clock, " in this world. Turn it by"),
    el("div", { class: "steps" }, STEPS.map(([name, seconds]) =>
      el("button", { type: "button", class: "button secondary", text: `+ ${name}`, on: { click: () => advance(seconds) } }))));
  box.replaceChildren(group, turn);
  showMood(group);
  setInterval(() => {
    if (!box.closest("[hidden]")) clock.textContent = new Date(now() * 1000).toLocaleString("en-US", { dateStyle: "medium", timeStyle: "medium" });
  }, 500);
}

/** Choose the mood that the sandbox's settings mean, which a reload or another tab does not know. */
async function showMood(group) {
  const [google, faults] = await Promise.all([attempt(() => control("GET", "google")), attempt(() => control("GET", "faults"))]);
  if (!google || !faults) return;
  const settings = google.settings;
  goneFault = faults.find((fault) => fault.server === "google" && fault.path === ALL_PATHS && fault.drop === "before")?.id ?? null;
  let mood = "usual";
  if (goneFault !== null) mood = "gone";
  else if (settings.outcome === "filtered") mood = "blocked";
  else if (settings.outcome === "failed") mood = "failing";
  else if (Object.keys(settings.quota).length) mood = "quota";
  else if (settings.seconds >= MOODS.slow[2].seconds) mood = "slow";
  group.querySelector(`[value="${mood}"]`).checked = true;
}

async function setMood(key) {
  await attempt(async () => {
    if (goneFault !== null) await control("DELETE", `faults?id=${goneFault}`);
    goneFault = null;
    await control("DELETE", "google");
    await control("PUT", "google", { ...MOODS.usual[2], ...MOODS[key][2] });
    if (key === "gone") {
      const fault = await control("POST", "faults", { server: "google", path: ALL_PATHS, times: null, drop: "before" });
      goneFault = fault.id;
    }
    notify(`Google: ${MOODS[key][0].toLowerCase()}. ${MOODS[key][1]}`);
  });
}

async function advance(seconds) {
  const answer = await attempt(() => control("POST", "clock", { advance_s: seconds }));
  if (answer) state.world.clock_ahead_s += seconds;
}
