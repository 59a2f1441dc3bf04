// A form that the bot shows: a dialog that keeps the focus until it is sent or closed.

import { attempt, interact } from "./actions.js";
import { upload } from "./api.js";
import { entityOptions } from "./components/options.js";
import { el, iconButton } from "./dom.js";
import { markdown } from "./markdown.js";
import { on, state } from "./store.js";

let count = 0;

export function startModals() {
  on("modal", open);
}

function open(interaction) {
  const modal = interaction.modal;
  const before = document.activeElement;
  const inputs = [];
  const title = el("h2", { id: "modal-title", text: modal.title });
  const problem = el("p", { class: "problem", role: "alert" });
  const send = el("button", { class: "button primary", text: "Submit" });
  const dialog = el("dialog", { class: "modal", "aria-labelledby": "modal-title" },
    el("form", { novalidate: true, on: { submit } },
      el("div", { class: "modal-head" }, title, iconButton("✕", "Close", close)),
      el("p", { class: "modal-warning", text: `This form will be submitted to ${state.world.bot.name}. Do not share passwords or other sensitive information.` }),
      el("div", { class: "modal-parts" }, modal.components.map((part) => renderPart(part, inputs))),
      problem,
      el("div", { class: "modal-foot" }, el("button", { type: "button", class: "button secondary", text: "Cancel", on: { click: close } }), send)));
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (before?.isConnected) before.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  (inputs[0]?.focusable ?? send).focus();

  function close() {
    dialog.close();
  }

  async function submit(event) {
    event.preventDefault();
    const missing = inputs.find((input) => input.required && input.isEmpty());
    if (missing) {
      problem.textContent = `${missing.name}: this is required.`;
      missing.focusable.focus();
      return;
    }
    const fields = {};
    for (const input of inputs.filter((each) => !each.files)) fields[input.id] = input.read();
    send.disabled = true;
    const files = {};
    const done = await attempt(async () => {
      for (const input of inputs.filter((each) => each.files)) files[input.id] = await Promise.all(input.files().map(upload));
      return true;
    });
    const answer = done && await interact("modals", { interaction: interaction.id, fields, files });
    send.disabled = false;
    if (answer) close();
  }
}

function renderPart(part, inputs) {
  if (part.type === 10) return el("div", { class: "text" }, markdown(part.content));
  if (part.type === 1) return part.components.map((component) => renderField(component, component.label, null, inputs));
  return renderField(part.component, part.label, part.description, inputs);
}

function renderField(component, label, description, inputs) {
  count += 1;
  const id = `field-${count}`;
  const hint = description ? `${id}-hint` : null;
  const make = { 4: textInput, 19: fileInput, 21: choiceGroup, 22: choiceGroup, 23: checkbox }[component.type] ?? selectInput;
  const { element, ...input } = make(component, id, hint);
  inputs.push({ id: component.custom_id, name: label, required: component.required ?? false, ...input });
  const mark = component.required ? el("span", { class: "required", "aria-hidden": "true", text: " *" }) : null;
  const head = component.type === 21 || component.type === 22 ? el("div", { class: "field-label", id: `${id}-label` }, label, mark) : el("label", { class: "field-label", for: id }, label, mark);
  return el("div", { class: "field" }, head, description ? el("p", { class: "field-hint", id: hint, text: description }) : null, element);
}

function textInput(component, id, hint) {
  const attributes = {
    id, placeholder: component.placeholder, maxlength: component.max_length ?? 4000, "aria-describedby": hint,
    "aria-required": component.required ? "true" : null, value: component.value ?? "",
  };
  const element = component.style === 2 ? el("textarea", { ...attributes, rows: "4" }) : el("input", { type: "text", ...attributes });
  return { element, focusable: element, read: () => element.value, isEmpty: () => element.value === "" };
}

function fileInput(component, id, hint) {
  const element = el("input", { type: "file", id, multiple: component.max_values > 1, "aria-describedby": hint });
  return { element, focusable: element, files: () => [...element.files], isEmpty: () => element.files.length === 0 };
}

function selectInput(component, id, hint) {
  const several = component.max_values > 1;
  const element = el("select", { id, multiple: several, "aria-describedby": hint },
    several || component.options?.some((option) => option.default) ? null : el("option", { value: "", text: component.placeholder ?? "Make a selection" }),
    entityOptions(component).map((option) => el("option", { value: option.value, selected: Boolean(option.default), text: option.label })));
  const read = () => [...element.selectedOptions].map((option) => option.value).filter(Boolean);
  return { element, focusable: element, read, isEmpty: () => read().length === 0 };
}

function choiceGroup(component, id, hint) {
  const type = component.type === 21 ? "radio" : "checkbox";
  const boxes = component.options.map((option) => el("input", { type, name: id, value: option.value, checked: Boolean(option.default) }));
  const element = el("div", { role: type === "radio" ? "radiogroup" : "group", "aria-labelledby": `${id}-label`, "aria-describedby": hint, class: "choice-group" },
    component.options.map((option, index) => el("label", {}, boxes[index], el("span", {}, el("span", { text: option.label }),
      option.description ? el("span", { class: "option-description", text: option.description }) : null))));
  const read = () => boxes.filter((box) => box.checked).map((box) => box.value);
  return { element, focusable: boxes[0], read, isEmpty: () => read().length === 0 };
}

function checkbox(component, id, hint) {
  const element = el("input", { type: "checkbox", id, checked: Boolean(component.default), "aria-describedby": hint });
  return { element, focusable: element, read: () => element.checked, isEmpty: () => false };
}
