// A select: a button that opens a list of options, of people, roles or channels.

import { pressComponent } from "../actions.js";
import { el } from "../dom.js";
import { closePopup, openPopup } from "../popup.js";
import { emojiText } from "./button.js";
import { entityOptions } from "./options.js";

export function renderSelect(select, message) {
  const options = entityOptions(select);
  const chosen = new Set(options.filter((option) => option.default).map((option) => option.value));
  const shown = options.filter((option) => chosen.has(option.value));
  const button = el("button", {
    type: "button",
    class: "select",
    disabled: Boolean(select.disabled),
    "aria-haspopup": "listbox",
    "aria-label": [select.placeholder ?? "Make a selection", ...shown.map((option) => option.label)].join(": "),
    data: { key: select.custom_id },
    on: { click: open },
  },
  el("span", { class: shown.length ? "chosen" : "placeholder" },
    shown.length ? shown.map((option) => optionLine(option)) : (select.placeholder ?? "Make a selection")),
  el("span", { class: "arrow", "aria-hidden": "true", text: "⌄" }));

  function open() {
    const several = select.max_values > 1;
    const picked = new Set(chosen);
    const list = el("div", {
      role: "listbox", class: "options", "aria-label": select.placeholder ?? "Options", "aria-multiselectable": several ? "true" : null,
    }, options.map((option) => optionButton(option, picked, several, choose)));
    const done = several ? el("button", { type: "button", class: "button primary", text: "Done", on: { click: () => send([...picked]) } }) : null;
    openPopup(button, el("div", { class: "select-list" }, list, done));

    function choose(value) {
      if (!several) return send([value]);
      if (picked.has(value)) picked.delete(value);
      else if (picked.size < select.max_values) picked.add(value);
      for (const each of list.children) each.setAttribute("aria-selected", String(picked.has(each.dataset.value)));
      return null;
    }
  }

  async function send(values) {
    closePopup();
    if (values.length < select.min_values) return;
    await pressComponent(message, select.custom_id, values);
  }
  return button;
}

function optionButton(option, picked, several, choose) {
  return el("button", {
    type: "button",
    role: "option",
    "aria-selected": String(picked.has(option.value)),
    data: { value: option.value, ...(picked.has(option.value) ? { first: "" } : {}) },
    on: { click: () => choose(option.value) },
  },
  optionLine(option),
  option.description ? el("span", { class: "option-description", text: option.description }) : null,
  several ? el("span", { class: "check", "aria-hidden": "true" }) : null);
}

const optionLine = (option) => el("span", { class: "option-line" },
  option.emoji ? el("span", { class: "emoji-mark", "aria-hidden": "true", text: emojiText(option.emoji) }) : null,
  el("span", { text: option.label }));

