// The list of a channel's messages. A changed message is drawn anew, with its focus and its players.

import { announce, el } from "./dom.js";
import { continuesFrom, describe, dots, renderMessage } from "./message.js";
import { channel, findUser, nameOf, on, shownMessages, state } from "./store.js";

const NEAR_END_PX = 160;
const TYPING_S = 10;
let list;
let scroller;
let typingLine;

/** Set up the list and redraw it whenever something in it changes. */
export function startTimeline() {
  list = document.getElementById("messages");
  scroller = document.getElementById("scroller");
  typingLine = document.getElementById("typing");
  list.addEventListener("keydown", moveByArrow);
  list.addEventListener("load", followMedia, true);
  list.addEventListener("loadedmetadata", followMedia, true);
  on("messages", () => drawAll());
  on("channel", () => { drawAll(); toEnd(); });
  on("message", (message) => draw(message));
  on("edit-last", editLast);
  on("typing", drawTyping);
  setInterval(drawTyping, 1000);
}

let wasAtEnd = true;
const isAtEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END_PX;
const toEnd = () => { scroller.scrollTop = scroller.scrollHeight; };
const followMedia = () => { if (wasAtEnd) toEnd(); };

function drawAll() {
  wasAtEnd = isAtEnd();
  const messages = shownMessages();
  const old = new Map([...list.querySelectorAll(".message")].map((item) => [item.dataset.id, item]));
  const items = [];
  let before = null;
  for (const message of messages) {
    if (isNewDay(before, message)) items.push(dayLine(message));
    items.push(renewed(old.get(message.id), renderMessage(message, { compact: continuesFrom(before, message) })));
    before = message;
  }
  list.replaceChildren(welcome(), ...items);
  setEntry();
  if (wasAtEnd) toEnd();
}

function draw(message) {
  if (message.channel_id !== state.channelId) return;
  wasAtEnd = isAtEnd();
  const old = list.querySelector(`.message[data-id="${message.id}"]`);
  if (!old) {
    drawAll();
    announce(describe(message));
    return;
  }
  const messages = shownMessages();
  const index = messages.findIndex((each) => each.id === message.id);
  if (index < 0) return;
  const item = renderMessage(messages[index], { compact: continuesFrom(messages[index - 1], messages[index]) });
  const spoken = old.getAttribute("aria-label") !== item.getAttribute("aria-label");
  const focus = focusIn(old);
  old.replaceWith(renewed(old, item));
  restoreFocus(item, focus);
  setEntry();
  if (spoken && message.author.bot) announce(describe(message));
  if (wasAtEnd) toEnd();
}

/** Move players and pictures that are still shown into the new item, so that they play on. */
function renewed(old, item) {
  if (!old) return item;
  if (old.tabIndex === 0) item.tabIndex = 0;
  for (const media of item.querySelectorAll("[data-media]")) {
    const kept = old.querySelector(`${media.localName}[data-media="${CSS.escape(media.dataset.media)}"]`);
    if (kept) media.replaceWith(kept);
  }
  return item;
}

function focusIn(item) {
  const focused = document.activeElement;
  if (!item.contains(focused)) return null;
  const keyed = focused.closest("[data-key]");
  const tools = [...item.querySelectorAll(".toolbar button")].indexOf(focused);
  return { key: keyed?.dataset.key ?? null, tools };
}

function restoreFocus(item, focus) {
  if (!focus) return;
  const same = focus.key === null ? null : item.querySelector(`[data-key="${CSS.escape(focus.key)}"]:not([disabled])`);
  const tool = focus.tools >= 0 ? item.querySelectorAll(".toolbar button")[focus.tools] : null;
  (same ?? tool ?? item).focus({ preventScroll: true });
}

/** Let Tab reach exactly one message: the one last focused, or else the newest. */
function setEntry() {
  const items = [...list.querySelectorAll(".message")];
  const current = items.findLast((item) => item.tabIndex === 0);
  for (const item of items) item.tabIndex = -1;
  const entry = current ?? items.at(-1);
  if (entry) entry.tabIndex = 0;
}

function moveByArrow(event) {
  const item = event.target.closest(".message");
  if (!item || event.target !== item || !["ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) return;
  const items = [...list.querySelectorAll(".message")];
  const at = items.indexOf(item);
  const next = { ArrowUp: items[at - 1], ArrowDown: items[at + 1], Home: items[0], End: items.at(-1) }[event.key];
  event.preventDefault();
  if (!next) return;
  for (const each of items) each.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

/** Edit the person's newest message, if it is on the page. */
function editLast() {
  const own = shownMessages().findLast((message) => message.author.id === state.user);
  if (own) list.querySelector(`.message[data-id="${own.id}"] .toolbar [aria-label="Edit"]`)?.click();
}

/** Show a message, if it is loaded, and give it the focus. */
export function showMessage(id) {
  const item = list.querySelector(`.message[data-id="${id}"]`);
  if (!item) return;
  for (const each of list.querySelectorAll(".message")) each.tabIndex = -1;
  item.tabIndex = 0;
  item.scrollIntoView({ block: "center" });
  item.focus();
  item.classList.add("flash");
  item.addEventListener("animationend", () => item.classList.remove("flash"), { once: true });
}

const isNewDay = (before, message) =>
  !before || new Date(before.timestamp).toDateString() !== new Date(message.timestamp).toDateString();

const dayLine = (message) => el("li", { class: "day" },
  el("span", { text: new Date(message.timestamp).toLocaleDateString("en-US", { dateStyle: "long" }) }));

function welcome() {
  const open = channel();
  if (!open) return el("li", { class: "welcome" });
  const name = open.thread ? open.name : `#${open.name}`;
  const isTalk = open.kind === "dm" || open.kind === "group_dm";
  return el("li", { class: "welcome" },
    el("h2", { text: isTalk ? state.world.bot.name : `Welcome to ${name}!` }),
    el("p", { text: isTalk ? `Your direct messages with ${state.world.bot.name}.` : open.topic || `This is the start of ${name}. Type / to see what the bot can do.` }));
}

function drawTyping() {
  const typing = state.typing.get(state.channelId) ?? new Map();
  const names = [...typing].filter(([, since]) => Date.now() - since < TYPING_S * 1000).map(([id]) => (findUser(id) ? nameOf(id) : "Somebody"));
  const text = names.length ? `${names.join(", ")} ${names.length > 1 ? "are" : "is"} typing…` : "";
  if (typingLine.dataset.text === text) return;
  typingLine.dataset.text = text;
  typingLine.replaceChildren(...(text ? [dots(), el("span", { text })] : []));
}
