// A file that is neither a picture nor a video, with its name, size and a link to download it.

import { el, ownFile } from "../dom.js";
import { cover } from "./gallery.js";

export function renderFile(component) {
  const card = fileCard({ ...component.file, filename: component.name, size: component.size });
  return component.spoiler ? cover(card) : card;
}

/** Return the card of an attachment. */
export function fileCard(file) {
  const href = ownFile(file.url);
  return el("div", { class: "file" },
    el("span", { class: "file-icon", "aria-hidden": "true", text: "📄" }),
    el("span", { class: "file-text" },
      href ? el("a", { href, download: file.filename ?? "", text: file.filename ?? "file" }) : el("span", { text: file.filename ?? "file" }),
      el("span", { class: "file-size", text: sizeText(file.size) })));
}

/** Return a size as Discord writes it. */
export function sizeText(bytes) {
  if (!Number.isFinite(bytes)) return "";
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(2)} KB` : `${(bytes / 1024 / 1024).toFixed(2)} MB`;
}
