// The field of one option: words, a number, a choice, a completion from the bot, a person, or a file.

import { channelOptions, roleOptions, userOptions } from "./components/options.js";
import { play, Refused } from "./api.js";
import { preview } from "./composer.js";
import { el, iconButton } from "./dom.js";
import { localized, state } from "./store.js";

const COMPLETE_AFTER_MS = 200;
let count = 0;

export class OptionField {
  constructor(option, { values, command, remove }) {
    this.option = option;
    this.allValues = values;
    this.command = command;
    this.chosen = null;
    this.file = null;
    this.isFile = option.type === 11;
    this.isList = this.isFile === false && (option.autocomplete || fixedChoices(option) !== null);
    this.name = localized(option, "name");
    count += 1;
    this.id = `option-${count}`;
    this.control = this.isFile ? this.fileControl() : this.textControl();
    this.list = el("div", { class: "picker choices", role: "listbox", id: `${this.id}-list`, "aria-label": `Choices of ${this.name}`, hidden: true });
    this.element = el("div", { class: "pill", title: localized(option, "description") },
      el("label", { for: this.id, text: this.name }), this.control, this.isFile ? this.chooser : null,
      remove ? iconButton("✕", `Remove ${this.name}`, remove, { class: "icon remove" }) : null, this.list);
  }

  get value() {
    if (this.chosen !== null) return this.chosen.value;
    const text = this.control.value ?? "";
    if (text.trim() === "") return null;
    if (this.option.type === 4 || this.option.type === 10) return Number.isNaN(Number(text)) ? text : Number(text);
    return text;
  }

  /** Return what is wrong with the value, or null. */
  check() {
    if (this.isFile) return this.option.required && !this.file ? `Choose a file for ${this.name}.` : null;
    if (this.option.required && this.value === null) return `Fill in ${this.name}.`;
    if (fixedChoices(this.option) !== null && this.value !== null && this.chosen === null) return `Choose ${this.name} from the list.`;
    return null;
  }

  setFile(file) {
    this.file = file;
    this.control.replaceChildren(preview(file), el("span", { text: file.name }));
    this.control.setAttribute("aria-label", `${this.name}: ${file.name}`);
  }

  fileControl() {
    this.chooser = el("input", { type: "file", class: "visually-hidden", tabindex: "-1", "aria-hidden": "true", on: { change: () => this.chooser.files[0] && this.setFile(this.chooser.files[0]) } });
    return el("button", { type: "button", id: this.id, class: "file-slot", text: "Drop a file or press to choose", "aria-label": `${this.name}: choose a file`, on: { click: () => this.chooser.click() } });
  }

  textControl() {
    const long = this.option.type === 3 && !this.isList;
    const attributes = {
      id: this.id, autocomplete: "off", placeholder: localized(this.option, "description"),
      on: { input: () => this.onInput(), keydown: (event) => this.onKey(event), focus: () => this.onFocus(), blur: () => this.close() },
    };
    if (this.option.max_length) attributes.maxlength = this.option.max_length;
    if (this.isList) Object.assign(attributes, { role: "combobox", "aria-expanded": "false", "aria-controls": `${this.id}-list`, "aria-autocomplete": "list" });
    return long ? el("textarea", { ...attributes, rows: "1", class: "long" }) : el("input", { type: "text", ...attributes });
  }

  onFocus() {
    if (this.isList) this.suggest();
  }

  onInput() {
    this.chosen = null;
    if (this.control.localName === "textarea") {
      this.control.style.setProperty("height", "auto");
      this.control.style.setProperty("height", `${Math.min(this.control.scrollHeight, 120)}px`);
    }
    if (this.isList) this.suggest();
  }

  suggest() {
    const typed = this.chosen ? "" : this.control.value.toLowerCase();
    const fixed = fixedChoices(this.option);
    if (fixed) {
      this.show(fixed.filter((choice) => choice.label.toLowerCase().includes(typed)));
      return;
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.complete(), COMPLETE_AFTER_MS);
  }

  async complete() {
    const asked = this.control.value;
    const options = { ...this.allValues(), [this.option.name]: asked };
    const body = { user: state.user, channel: state.channelId, command: this.command, options, focused: this.option.name };
    let answer;
    try {
      answer = await play("POST", "autocomplete", body);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      answer = { interaction: { state: "failed" } };
    }
    if (this.control.value !== asked || document.activeElement !== this.control) return;
    const choices = answer.interaction.choices;
    if (!choices) this.show([], "Loading options failed");
    else this.show(choices.map((choice) => ({ value: choice.value, label: localized(choice, "name") })), "No options match your search");
  }

  show(choices, empty = "No choice matches") {
    this.shown = choices;
    this.at = choices.length ? 0 : -1;
    this.list.hidden = false;
    this.control.setAttribute("aria-expanded", "true");
    this.list.replaceChildren(...(choices.length ? choices.map((choice, index) => el("div", {
      role: "option", id: `${this.id}-${index}`,
      on: { pointerdown: (event) => { event.preventDefault(); this.choose(choice); } },
    }, el("span", { text: choice.label }), choice.description ? el("span", { class: "picker-description", text: choice.description }) : null))
      : [el("div", { class: "empty", role: "option", "aria-disabled": "true", text: empty })]));
    this.mark();
  }

  close() {
    clearTimeout(this.timer);
    this.list.hidden = true;
    if (this.isList) this.control.setAttribute("aria-expanded", "false");
    this.control.removeAttribute("aria-activedescendant");
  }

  choose(choice) {
    this.chosen = choice;
    this.control.value = choice.label;
    this.close();
  }

  mark() {
    [...this.list.children].forEach((option, index) => {
      option.setAttribute("aria-selected", String(index === this.at));
      if (index === this.at) option.scrollIntoView({ block: "nearest" });
    });
    if (this.at >= 0) this.control.setAttribute("aria-activedescendant", `${this.id}-${this.at}`);
  }

  onKey(event) {
    if (event.isComposing) return;
    if (!this.list.hidden && this.shown?.length) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) {
        event.preventDefault();
        this.at = (this.at + step + this.shown.length) % this.shown.length;
        this.mark();
        return;
      }
      if (event.key === "Escape") {
        event.preventDefault();
        this.close();
        return;
      }
      if ((event.key === "Enter" || event.key === "Tab") && this.chosen === null && (this.control.value || event.key === "Enter")) {
        if (event.key === "Enter") event.preventDefault();
        this.choose(this.shown[this.at]);
        return;
      }
    }
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.element.closest("form").requestSubmit();
    }
  }
}

/** Return the choices that are known without asking the bot, or null. */
function fixedChoices(option) {
  if (option.choices?.length) return option.choices.map((choice) => ({ value: choice.value, label: localized(choice, "name") }));
  if (option.type === 5) return [{ value: true, label: "True" }, { value: false, label: "False" }];
  if (option.type === 6) return userOptions();
  if (option.type === 7) return channelOptions(option.channel_types);
  if (option.type === 8) return roleOptions();
  if (option.type === 9) return [...userOptions(), ...roleOptions()];
  return null;
}
