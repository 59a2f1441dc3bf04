// Builds elements. Text only ever becomes text: nothing here or elsewhere parses HTML.

/** Return an element. `attributes` may have `class`, `text`, `on` (events), `data`, `style`. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else if (name === "on") listen(element, value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "style") setStyles(element, value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child || child === 0));
  return element;
}

function listen(element, handlers) {
  for (const [event, handler] of Object.entries(handlers)) element.addEventListener(event, handler);
}

function setStyles(element, styles) {
  for (const [name, value] of Object.entries(styles)) {
    if (value !== null && value !== undefined) element.style.setProperty(name, value);
  }
}

/** Return a button that shows a symbol and is called `label`. */
export function iconButton(symbol, label, onClick, attributes = {}) {
  return el(
    "button",
    { type: "button", "aria-label": label, title: label, class: "icon", on: { click: onClick }, ...attributes },
    el("span", { "aria-hidden": "true", text: symbol }),
  );
}

/** Return an http(s) address as it is, anything else (such as `javascript:`) as null. */
export function safeAddress(text) {
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

/** Return the path of a file of this server, or null: the page loads nothing from elsewhere. */
export function ownFile(text) {
  const address = safeAddress(text);
  if (address === null) return null;
  const url = new URL(address);
  return url.origin === location.origin ? url.pathname + url.search : null;
}

/** Return a link that opens in another tab, or plain text where the address is not http(s). */
export function externalLink(address, ...children) {
  const href = safeAddress(address);
  if (href === null) return el("span", {}, ...children);
  return el("a", { href, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

const AVATAR_COLORS = ["#5865f2", "#3f7d54", "#a8552a", "#b03a78", "#227a94", "#7a5ac2", "#8a6d1d", "#c03a3a"];

/** Return the round picture of a user or server: its first letter on a color of its own. */
export function avatar(user, className = "avatar") {
  const number = Number(BigInt(user.id) % 8n);
  const letter = [...(user.name || "?")][0].toUpperCase();
  return el("span", {
    class: className,
    "aria-hidden": "true",
    text: letter,
    style: { "background-color": user.bot ? AVATAR_COLORS[0] : AVATAR_COLORS[1 + (number % 7)] },
  });
}

/** Say something to a screen reader. */
export function announce(text) {
  const region = document.getElementById("announcer");
  region.replaceChildren(el("p", { text }));
}

let noticeTimer = 0;

/** Show a short notice, as Discord's client does when it refuses something. */
export function notify(text) {
  const notice = document.getElementById("notice");
  notice.textContent = text;
  notice.hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { notice.hidden = true; }, 7000);
}
