// Renders Discord's subset of Markdown as elements. What it does not know stays text.

import { el, externalLink } from "./dom.js";
import { findChannel, findUser, guild, nameOf, now, state, emit } from "./store.js";

const URL_END = /[.,:;!?)'"\]]+$/;

// Each rule has a sticky expression and makes nodes of its match. The first that matches wins.
const INLINE = [
  [/\\([^\sA-Za-z0-9])/y, (m) => m[1]],
  [/``([^]+?)``(?!`)|`([^`]+)`/y, (m) => el("code", { text: (m[1] ?? m[2]).trim() || " " })],
  [/\*\*\*(?=\S)([^]+?)\*\*\*/y, (m) => el("strong", {}, el("em", {}, inline(m[1])))],
  [/\*\*(?=\S)([^]+?)\*\*(?!\*)/y, (m) => el("strong", {}, inline(m[1]))],
  [/__(?=\S)([^]+?)__(?!_)/y, (m) => el("u", {}, inline(m[1]))],
  [/~~(?=\S)([^]+?)~~/y, (m) => el("s", {}, inline(m[1]))],
  [/\|\|([^]+?)\|\|/y, (m) => spoiler(inline(m[1]))],
  [/\*(?=\S)((?:\\.|[^*\\])+?)\*(?!\*)/y, (m) => el("em", {}, inline(m[1]))],
  [/(?<!\w)_(?=\S)((?:\\.|[^_\\])+?)_(?!\w)/y, (m) => el("em", {}, inline(m[1]))],
  [/\[((?:\\.|[^\]\\])+)\]\(<?(https?:\/\/[^\s<>)]+)>?(?: "[^"]*")?\)/y, (m) => link(m[2], inline(m[1]))],
  [/<(https?:\/\/[^\s>]+)>/y, (m) => link(m[1], m[1])],
  [/https?:\/\/[^\s<]+/y, (m) => bareLink(m[0])],
  [/<t:(-?\d{1,13})(?::([tTdDfFRsS]))?>/y, (m) => timestamp(Number(m[1]), m[2] ?? "f")],
  [/<@!?(\d+)>/y, (m) => mention(`@${nameOf(m[1])}`, findUser(m[1]))],
  [/<@&(\d+)>/y, (m) => mention(`@${roleName(m[1])}`, true)],
  [/<#(\d+)>/y, (m) => channelMention(m[1])],
  [/<\/([^:>\n]{1,100}):(\d+)>/y, (m) => commandMention(m[1])],
  [/<(a?):(\w{2,32}):(\d+)>/y, (m) => el("span", { class: "custom-emoji", text: `:${m[2]}:` })],
  [/@(everyone|here)\b/y, (m) => mention(m[0], true)],
];

/** Return the nodes of a text with blocks: headings, quotes, lists, code, small text. */
export function markdown(text) {
  const nodes = [];
  const parts = text.split(/```(?:(\w+)\n)?([^]*?)```/g);
  for (let index = 0; index < parts.length; index += 3) {
    if (parts[index]) nodes.push(...blocks(parts[index].replace(/^\n|\n$/g, "")));
    if (index + 2 < parts.length) {
      nodes.push(el("pre", { tabindex: "0" }, el("code", { text: parts[index + 2].replace(/^\n|\n$/g, "") })));
    }
  }
  return nodes;
}

/** Return a text without marks, for a line of preview or a screen reader. */
export function plainText(text) {
  const holder = el("div", {}, markdown(text));
  for (const end of holder.querySelectorAll("br, p, li, pre")) end.after(" ");
  return holder.textContent.replace(/\s+/g, " ").trim();
}

function blocks(text) {
  const lines = text.split("\n");
  const nodes = [];
  let paragraph = [];
  const flush = () => {
    if (paragraph.length) nodes.push(el("p", {}, inline(paragraph.join("\n"))));
    paragraph = [];
  };
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index];
    const heading = /^(#{1,3}) +(.+)$/.exec(line);
    const small = /^-# +(.+)$/.exec(line);
    if (heading) {
      flush();
      nodes.push(el("p", { class: `heading h${heading[1].length}`, role: "heading", "aria-level": String(heading[1].length + 3) }, inline(heading[2])));
    } else if (small) {
      flush();
      nodes.push(el("p", { class: "small" }, inline(small[1])));
    } else if (line.startsWith(">>> ")) {
      flush();
      nodes.push(el("blockquote", {}, blocks([line.slice(4), ...lines.slice(index + 1)].join("\n"))));
      return nodes;
    } else if (/^> ?/.test(line) && (line.startsWith("> ") || line === ">")) {
      flush();
      index = collect(lines, index, /^> ?(.*)$/, (inner) => nodes.push(el("blockquote", {}, blocks(inner.join("\n")))));
    } else if (/^ *[-*] +\S/.test(line)) {
      flush();
      index = collect(lines, index, /^ *[-*] +(.*)$/, (inner) => nodes.push(el("ul", {}, inner.map((item) => el("li", {}, inline(item))))));
    } else if (/^ *\d{1,3}\. +\S/.test(line)) {
      flush();
      const start = Number.parseInt(line, 10);
      index = collect(lines, index, /^ *\d{1,3}\. +(.*)$/, (inner) => nodes.push(el("ol", { start }, inner.map((item) => el("li", {}, inline(item))))));
    } else if (line === "") {
      flush();
      if (nodes.length) nodes.push(el("div", { class: "gap" }));
    } else {
      paragraph.push(line);
    }
  }
  flush();
  return nodes;
}

/** Hand on the following lines that match, without their mark, and return the last one's index. */
function collect(lines, start, pattern, use) {
  const inner = [];
  let index = start;
  for (; index < lines.length; index += 1) {
    const match = pattern.exec(lines[index]);
    if (!match) break;
    inner.push(match[1]);
  }
  use(inner);
  return index - 1;
}

/** Return the nodes of a text within a line. */
export function inline(text) {
  const nodes = [];
  let plain = "";
  const flush = () => {
    if (plain) nodes.push(...withBreaks(plain));
    plain = "";
  };
  let position = 0;
  while (position < text.length) {
    const made = matchAt(text, position);
    if (made === null) {
      plain += text[position];
      position += 1;
      continue;
    }
    if (typeof made.node === "string") plain += made.node;
    else {
      flush();
      nodes.push(made.node);
    }
    position = made.end;
  }
  flush();
  return nodes;
}

function matchAt(text, position) {
  if (!/[\\`*_~|[<h@]/.test(text[position])) return null;
  for (const [pattern, make] of INLINE) {
    pattern.lastIndex = position;
    const match = pattern.exec(text);
    if (match) {
      const node = make(match);
      return { node, end: position + (node.consumed ?? match[0].length) };
    }
  }
  return null;
}

function withBreaks(text) {
  return text.split("\n").flatMap((line, index) => (index ? [el("br"), line] : [line]));
}

function spoiler(nodes) {
  const reveal = (event) => {
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    cover.classList.add("revealed");
    cover.removeAttribute("role");
    cover.removeAttribute("aria-label");
  };
  const cover = el(
    "span",
    { class: "spoiler", role: "button", tabindex: "0", "aria-label": "Spoiler, press to show", on: { click: reveal, keydown: reveal } },
    el("span", {}, nodes),
  );
  return cover;
}

function link(address, content) {
  const jump = /^https:\/\/(?:\w+\.)?discord\.com\/channels\/(\d+|@me)\/(\d+)(?:\/(\d+))?$/.exec(address);
  return jump ? jumpLink(jump, content === address ? null : content) : externalLink(address, content);
}

function bareLink(text) {
  const trimmed = text.replace(URL_END, "");
  const node = link(trimmed, trimmed);
  node.consumed = trimmed.length;
  return node;
}

function jumpLink([, , channelId, messageId], content) {
  const name = findChannel(channelId)?.name || "unknown";
  const label = content ?? `#${name}${messageId ? " › 💬" : ""}`;
  return el("button", {
    type: "button",
    class: content ? "text-link" : "mention",
    on: { click: () => emit("jump", { channelId, messageId }) },
  }, label);
}

function mention(text, known) {
  return el("span", { class: known ? "mention" : "mention unknown", text });
}

function roleName(id) {
  return guild()?.roles.find((role) => role.id === id)?.name ?? "unknown-role";
}

function channelMention(id) {
  const found = findChannel(id);
  if (!found) return mention("#unknown", false);
  return el("button", {
    type: "button",
    class: "mention",
    text: `#${found.name}`,
    on: { click: () => emit("jump", { channelId: id }) },
  });
}

function commandMention(name) {
  return el("button", {
    type: "button",
    class: "mention",
    text: `/${name}`,
    on: { click: () => emit("compose-command", name) },
  });
}

const FORMATS = {
  t: { timeStyle: "short" },
  T: { timeStyle: "medium" },
  d: { dateStyle: "short" },
  D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" },
  F: { dateStyle: "full", timeStyle: "short" },
  s: { dateStyle: "short", timeStyle: "short" },
  S: { dateStyle: "short", timeStyle: "medium" },
};

function timestamp(seconds, style) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return el("span", { text: "Invalid date" });
  const full = date.toLocaleString(language(), FORMATS.F);
  const attributes = { datetime: date.toISOString(), title: full };
  if (style === "R") {
    return el("time", { ...attributes, text: relativeTime(seconds), data: { relative: seconds } });
  }
  return el("time", { ...attributes, text: date.toLocaleString(language(), FORMATS[style]) });
}

const language = () => state.world?.me.locale ?? "en-US";
const STEPS = [[31536000, "year"], [2592000, "month"], [86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];

export function relativeTime(seconds) {
  const away = seconds - now();
  const [size, unit] = STEPS.find(([step]) => Math.abs(away) >= step) ?? STEPS.at(-1);
  return new Intl.RelativeTimeFormat(language(), { numeric: "auto" }).format(Math.round(away / size), unit);
}

/** Bring all relative times up to date. */
export function refreshTimes() {
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const text = relativeTime(Number(time.dataset.relative));
    if (time.textContent !== text) time.textContent = text;
  }
}
