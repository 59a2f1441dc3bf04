// A container: a framed card with an accent color at its left edge.

import { el } from "../dom.js";
import { renderComponents } from "./index.js";
import { cover } from "./gallery.js";

export function renderContainer(container, message) {
  const color = container.accent_color;
  const card = el("div", {
    class: "container",
    style: color === null || color === undefined ? {} : { "--accent": `#${color.toString(16).padStart(6, "0")}` },
  }, renderComponents(container.components, message));
  return container.spoiler ? cover(card) : card;
}
