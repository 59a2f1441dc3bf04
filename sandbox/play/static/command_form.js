// A slash command being filled in: a field for each option, as pills in the composer.

import { attempt, interact } from "./actions.js";
import { upload } from "./api.js";
import { el, iconButton, notify } from "./dom.js";
import { localized, state } from "./store.js";
import { OptionField } from "./option_field.js";

export class CommandForm {
  /** `onClose` is called when the command was sent or given up, `onRefused` when it was not accepted. */
  constructor(command, { onClose, onRefused }) {
    this.command = command;
    this.onClose = onClose;
    this.onRefused = onRefused;
    this.fields = new Map();
    this.pills = el("div", { class: "pills" });
    this.more = el("div", { class: "more-options", role: "group", "aria-label": "Optional options" });
    this.element = el("form", {
      class: "command-form", "aria-label": `/${command.shown}`, novalidate: true,
      on: { submit: (event) => this.submit(event), keydown: (event) => this.onKey(event) },
    },
    el("div", { class: "command-help" }, el("strong", { text: `/${command.shown}` }), ` ${command.description}`),
    this.more,
    el("div", { class: "command-line" },
      el("span", { class: "command-name", text: `/${command.shown}` }),
      this.pills,
      el("button", { class: "button primary send", text: "Send" }),
      iconButton("✕", "Cancel command", () => this.onClose())));
    for (const option of command.options.filter((each) => each.required)) this.addField(option);
    this.drawMore();
  }

  focus() {
    const first = [...this.fields.values()][0];
    (first?.control ?? this.element.querySelector(".send")).focus();
  }

  /** Put a dropped file into the first option for files that is empty. */
  takeFile(file) {
    let field = [...this.fields.values()].find((each) => each.isFile && !each.file);
    const option = this.command.options.find((each) => each.type === 11 && !this.fields.has(each.name));
    if (!field && option) field = this.addField(option);
    if (field) field.setFile(file);
    else notify("This command takes no further file.");
  }

  addField(option) {
    const field = new OptionField(option, {
      values: () => this.values(),
      command: this.command.path,
      remove: option.required ? null : () => this.removeField(option),
    });
    this.fields.set(option.name, field);
    this.pills.append(field.element);
    this.drawMore();
    return field;
  }

  removeField(option) {
    this.fields.get(option.name).element.remove();
    this.fields.delete(option.name);
    this.drawMore();
    this.more.querySelector("button")?.focus();
  }

  drawMore() {
    const left = this.command.options.filter((option) => !this.fields.has(option.name));
    this.more.hidden = left.length === 0;
    this.more.replaceChildren(...left.map((option) => el("button", {
      type: "button", class: "more-option", title: localized(option, "description"), "aria-label": `Add ${localized(option, "name")}: ${localized(option, "description")}`,
      on: { click: () => this.addField(option).control.focus() },
    }, `+ ${localized(option, "name")}`)));
  }

  /** Return the values of the options but files, for completions. */
  values() {
    const values = {};
    for (const [name, field] of this.fields) {
      if (!field.isFile && field.value !== null) values[name] = field.value;
    }
    return values;
  }

  onKey(event) {
    if (event.key === "Escape" && !event.defaultPrevented) {
      event.preventDefault();
      this.onClose();
    }
  }

  async submit(event) {
    event.preventDefault();
    for (const field of this.fields.values()) {
      const problem = field.check();
      if (problem) {
        notify(problem);
        field.control.focus();
        return;
      }
    }
    const options = this.values();
    const chosen = [...this.fields].filter(([, field]) => field.isFile && field.file);
    this.onClose();
    const sent = await attempt(async () => {
      const attachments = {};
      for (const [name, field] of chosen) attachments[name] = await upload(field.file);
      return interact("commands", { channel: state.channelId, command: this.command.path, options, attachments });
    });
    if (sent === null) this.onRefused(this);
  }
}
