// A small layer beside a button: menus, lists of choices, emoji. Escape and a press outside close it.

import { el } from "./dom.js";

const MARGIN_PX = 8;
let current = null;

/** Close the open layer, if any, and give the focus back. */
export function closePopup({ refocus = true } = {}) {
  if (!current) return;
  const { layer, anchor, onClose, stop } = current;
  current = null;
  stop();
  layer.remove();
  anchor.removeAttribute("aria-expanded");
  if (refocus && anchor.isConnected) anchor.focus();
  onClose?.();
}

/** Open `content` beside `anchor` (or at a point) and focus its first item. */
export function openPopup(anchor, content, { onClose, point, within = document.body } = {}) {
  closePopup({ refocus: false });
  const layer = el("div", { class: "popup" }, content);
  const outside = (event) => {
    if (!layer.contains(event.target) && !anchor.contains(event.target)) closePopup({ refocus: false });
  };
  const key = (event) => onKey(event, layer);
  document.addEventListener("pointerdown", outside, true);
  layer.addEventListener("keydown", key);
  (anchor.closest("dialog") ?? within).append(layer);
  place(layer, point ?? anchor.getBoundingClientRect());
  anchor.setAttribute("aria-expanded", "true");
  current = { layer, anchor, onClose, stop: () => document.removeEventListener("pointerdown", outside, true) };
  (layer.querySelector("[data-first]") ?? items(layer)[0])?.focus();
  return layer;
}

function place(layer, box) {
  const { width, height } = layer.getBoundingClientRect();
  const left = box.left ?? box.x;
  const below = (box.bottom ?? box.y) + 4;
  const above = (box.top ?? box.y) - height - 4;
  const fits = below + height < innerHeight - MARGIN_PX;
  layer.style.setProperty("left", `${Math.max(MARGIN_PX, Math.min(left, innerWidth - width - MARGIN_PX))}px`);
  layer.style.setProperty("top", `${Math.max(MARGIN_PX, fits ? below : above)}px`);
}

const items = (layer) => [...layer.querySelectorAll("button:not([disabled]), input, [role=option]")];

function onKey(event, layer) {
  if (event.key === "Escape" || event.key === "Tab") {
    event.preventDefault();
    event.stopPropagation();
    closePopup();
    return;
  }
  const steps = { ArrowDown: 1, ArrowUp: -1, ArrowRight: 1, ArrowLeft: -1 };
  const all = items(layer);
  const at = all.indexOf(document.activeElement);
  if (event.target.matches("input[type=text]") && event.key.startsWith("ArrowL")) return;
  let next = null;
  if (event.key in steps) next = all[(at + steps[event.key] + all.length) % all.length];
  if (event.key === "Home") next = all[0];
  if (event.key === "End") next = all.at(-1);
  if (next) {
    event.preventDefault();
    next.focus();
  }
}

/** Open a menu. `entries` are {label, symbol, onPick, danger} or {heading}. */
export function openMenu(anchor, label, entries, options) {
  const menu = el("div", { role: "menu", "aria-label": label, class: "menu" }, entries.map((entry) => {
    if ("heading" in entry) return el("div", { class: "menu-heading", role: "presentation", text: entry.heading });
    return el(
      "button",
      {
        type: "button",
        role: "menuitem",
        class: entry.danger ? "danger" : null,
        on: { click: () => { closePopup(); entry.onPick(); } },
      },
      el("span", { text: entry.label }),
      entry.symbol ? el("span", { "aria-hidden": "true", class: "menu-symbol", text: entry.symbol }) : null,
    );
  }));
  return openPopup(anchor, menu, options);
}

const EMOJI = "👍 👎 ❤️ 🔥 ⭐ 🎉 😂 😮 😢 😡 👏 🙏 💯 ✅ ❌ 👀 🤔 😍 🥳 🎬 🎥 🍿 🌙 ☀️ 🌈 🚀 💡 ✨ 💩 🤖 🐱 🐶".split(" ");

/** Open a grid of emoji and call `onPick` with the chosen one. */
export function openEmoji(anchor, onPick) {
  const pick = (emoji) => { closePopup(); onPick(emoji); };
  const own = el("input", {
    type: "text", placeholder: "Any emoji", "aria-label": "Any emoji, Enter to use it",
    on: { keydown: (event) => { if (event.key === "Enter" && own.value.trim()) pick(own.value.trim()); } },
  });
  const grid = el("div", { class: "emoji-grid" }, EMOJI.map((emoji) =>
    el("button", { type: "button", text: emoji, "aria-label": `React with ${emoji}`, on: { click: () => pick(emoji) } })));
  return openPopup(anchor, el("div", { role: "dialog", "aria-label": "Emoji", class: "emoji" }, grid, own));
}
