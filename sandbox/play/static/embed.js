// An embed: the older kind of card, with a colored edge, fields, a picture and a footer.

import { renderMedia } from "./components/gallery.js";
import { el, externalLink, ownFile } from "./dom.js";
import { inline, markdown } from "./markdown.js";

export function renderEmbed(embed) {
  const color = embed.color === undefined || embed.color === null ? null : `#${embed.color.toString(16).padStart(6, "0")}`;
  const side = embed.thumbnail?.url ? el("div", { class: "embed-thumbnail" }, renderMedia(embed.thumbnail, "Thumbnail")) : null;
  return el("article", { class: "embed", style: color ? { "--accent": color } : {} },
    el("div", { class: "embed-main" },
      el("div", { class: "embed-text" },
        author(embed.author),
        title(embed),
        embed.description ? el("div", { class: "embed-description" }, markdown(embed.description)) : null,
        fields(embed.fields)),
      side),
    embed.image?.url ? el("div", { class: "embed-image" }, renderMedia(embed.image, "Picture")) : null,
    footer(embed));
}

function icon(address) {
  const source = address ? ownFile(address) : null;
  return source ? el("img", { class: "embed-icon", src: source, alt: "" }) : null;
}

function author(from) {
  if (!from?.name) return null;
  const name = from.url ? externalLink(from.url, from.name) : from.name;
  return el("div", { class: "embed-author" }, icon(from.icon_url), name);
}

function title(embed) {
  if (!embed.title) return null;
  const words = inline(embed.title);
  return el("div", { class: "embed-title" }, embed.url ? externalLink(embed.url, words) : words);
}

function fields(list) {
  if (!list?.length) return null;
  return el("dl", { class: "embed-fields" }, list.map((field) =>
    el("div", { class: field.inline ? "inline" : null },
      el("dt", {}, inline(field.name)),
      el("dd", {}, markdown(field.value)))));
}

function footer(embed) {
  const parts = [];
  if (embed.footer?.text) parts.push(embed.footer.text);
  if (embed.timestamp) parts.push(new Date(embed.timestamp).toLocaleString());
  if (!parts.length) return null;
  return el("div", { class: "embed-footer" }, icon(embed.footer?.icon_url), el("span", { text: parts.join(" • ") }));
}
