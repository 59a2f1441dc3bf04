// What Discord and Google received from the bot, with each answer.

import { attempt } from "./actions.js";
import { control } from "./api.js";
import { el } from "./dom.js";
import { on, state } from "./store.js";

const SHOWN = 150;
const QUIET = /\/(typing|gateway\/bot|users\/@me)$/;
let list;
let filter;
const opened = new Map();

export function startRequests() {
  list = document.getElementById("request-list");
  filter = document.getElementById("request-filter");
  filter.addEventListener("change", draw);
  on("requests", drawSoon);
}

let isDue = false;

function drawSoon() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => { isDue = false; draw(); });
}

function draw() {
  if (list.closest("[hidden]")) return;
  const wanted = filter.value;
  const shown = [...state.requests.values()].filter((entry) => wanted === "all" || entry.server === wanted).filter((entry) => !QUIET.test(entry.path)).reverse();
  const focused = document.activeElement?.closest("#request-list [data-key]")?.dataset.key;
  const groups = groupRepeats(shown).slice(0, SHOWN);
  list.replaceChildren(...(groups.length ? groups.map(row) : [el("li", { class: "empty", text: "Nothing yet." })]));
  if (focused) list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

/** Put requests that repeat the one before them, such as polls, into one line with their number. */
function groupRepeats(entries) {
  const groups = [];
  for (const entry of entries) {
    const last = groups.at(-1);
    const repeats = last && ["method", "path", "status", "dropped"].every((field) => last[field] === entry[field]);
    if (repeats) last.times += 1;
    else groups.push({ ...entry, times: 1 });
  }
  return groups;
}

/** Draw again, for a panel that has just been opened. */
export const drawRequests = draw;

function row(entry) {
  const isOpen = opened.has(entry.n);
  const status = entry.dropped ? "cut" : (entry.status ?? "…");
  const kind = entry.status >= 400 || entry.dropped ? "bad" : entry.status ? "good" : "waiting";
  return el("li", {},
    el("button", {
      type: "button", class: "request", "aria-expanded": String(isOpen), data: { key: `request ${entry.n}` }, on: { click: () => toggle(entry) },
    },
    el("span", { class: `server-tag ${entry.server}`, text: entry.server === "google" ? "Google" : "Discord" }),
    el("span", { class: "method", text: entry.method }),
    el("span", { class: "path", text: shorten(entry.path), title: entry.path }),
    el("span", { class: "times", text: entry.times > 1 ? `×${entry.times}` : "" }),
    el("span", { class: `status ${kind}`, text: String(status) })),
    isOpen ? details(entry) : null);
}

const shorten = (path) => path.replace(/^\/(api\/v10|google)\//, "").replace(/\/[\w-]{80,}/g, "/TOKEN").replace(/\d{15,}/g, (id) => `…${id.slice(-4)}`);

function details(entry) {
  const full = opened.get(entry.n);
  const part = (title, value) => (value === null || value === undefined ? null : el("div", {}, el("h4", { text: title }), el("pre", { tabindex: "0", text: JSON.stringify(value, null, 2).slice(0, 20000) })));
  return el("div", { class: "request-details" }, el("p", { class: "full-path", text: `${entry.method} ${entry.path}` }),
    part("Sent", entry.json), part("Answered", full?.response));
}

async function toggle(entry) {
  if (opened.delete(entry.n)) {
    draw();
    return;
  }
  const found = await attempt(() => control("GET", `requests?after=${entry.n - 1}&bodies=1`));
  opened.set(entry.n, found?.[0] ?? {});
  draw();
}
