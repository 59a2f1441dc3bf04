// A button: four colors that ask the bot, and a link.

import { pressComponent } from "../actions.js";
import { el, safeAddress } from "../dom.js";

const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link", 6: "premium" };

export function renderButton(button, message) {
  const style = STYLES[button.style] ?? "secondary";
  const content = [
    button.emoji ? el("span", { class: "emoji-mark", text: emojiText(button.emoji) }) : null,
    button.label ? el("span", { text: button.label }) : null,
  ];
  const name = button.label ? null : (button.emoji?.name ?? "Button");
  if (button.style === 5) {
    const href = safeAddress(button.url);
    return el("a", {
      class: "button link", href, target: "_blank", rel: "noopener noreferrer", "aria-label": name, data: { key: `link${button.id}` },
    }, content, el("span", { class: "outside", "aria-hidden": "true", text: "↗" }));
  }
  const element = el("button", {
    type: "button",
    class: `button ${style}`,
    disabled: Boolean(button.disabled),
    "aria-label": name,
    data: { key: button.custom_id ?? "" },
    on: { click: press },
  }, content);

  async function press() {
    if (element.getAttribute("aria-busy") === "true") return;
    element.setAttribute("aria-busy", "true");
    await pressComponent(message, button.custom_id);
    element.removeAttribute("aria-busy");
  }
  return element;
}

/** Return the text of an emoji; a server's own one has only its name here. */
export const emojiText = (emoji) => (emoji.id ? `:${emoji.name}:` : emoji.name);
