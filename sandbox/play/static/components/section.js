// A section: text with a button or a thumbnail at its right.

import { el } from "../dom.js";
import { cover, renderMedia } from "./gallery.js";
import { renderComponents } from "./index.js";

export function renderSection(section, message) {
  return el("div", { class: "section" },
    el("div", { class: "section-text" }, renderComponents(section.components, message)),
    el("div", { class: "accessory" }, renderComponents([section.accessory], message)));
}

export function renderThumbnail(thumbnail) {
  const media = el("div", { class: "thumbnail" }, renderMedia(thumbnail.media, thumbnail.description));
  return thumbnail.spoiler ? cover(media) : media;
}
