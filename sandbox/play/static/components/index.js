// Renders components, one module for each kind. Those of an unknown kind are named, not hidden.

import { el } from "../dom.js";
import { markdown } from "../markdown.js";
import { renderButton } from "./button.js";
import { renderContainer } from "./container.js";
import { renderFile } from "./file.js";
import { renderGallery } from "./gallery.js";
import { renderSection, renderThumbnail } from "./section.js";
import { renderSelect } from "./select.js";

const RENDERERS = {
  1: (row, message) => el("div", { class: "action-row" }, renderComponents(row.components, message)),
  2: renderButton,
  3: renderSelect,
  5: renderSelect,
  6: renderSelect,
  7: renderSelect,
  8: renderSelect,
  9: renderSection,
  10: (text) => el("div", { class: "text" }, markdown(text.content)),
  11: renderThumbnail,
  12: renderGallery,
  13: renderFile,
  14: (separator) =>
    el("div", {
      class: `separator ${separator.divider ? "line" : ""} ${separator.spacing === 2 ? "large" : ""}`,
      role: separator.divider ? "separator" : null,
    }),
  17: renderContainer,
};

/** Return the elements of a list of components of a message. */
export function renderComponents(components, message) {
  return (components ?? []).map((component) => {
    const render = RENDERERS[component.type];
    if (!render) return el("div", { class: "unsupported", text: `(component of type ${component.type})` });
    return render(component, message);
  });
}
