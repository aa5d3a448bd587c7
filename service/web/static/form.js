// A form: sends its texts, shows what came back or what went wrong. Nothing is stored, no text is cleared.

import { element } from "./dom.js";
import { Refusal } from "./request.js";

/**
 * Connect `form` to the service.
 *
 * `names` are its fields; `busy` is what button and status say while it waits, `[button, status]`. `ask` takes the
 * fields' values (empty ones are null) and gives the reply, or throws `Refusal`; `show` shows the reply and returns
 * one sentence for a listener who can't see that it has come.
 */
export function connectForm(form, { names, busy, announcement, ask, show }) {
  const button = form.querySelector('button[type="submit"]');
  const trouble = form.querySelector(".trouble");
  const idle = button.textContent;
  let sending = false;

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });

  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });

  button.disabled = false;

  async function send() {
    if (sending) return;
    const values = Object.fromEntries(names.map((name) => [name, form.elements[name].value || null]));
    clearTrouble();
    try {
      const reply = ask(values);
      setSending(true);
      announcement.textContent = show(values, await reply);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      showTrouble(error);
    } finally {
      setSending(false);
    }
  }

  function setSending(now) {
    sending = now;
    button.setAttribute("aria-disabled", String(now));
    button.textContent = now ? busy[0] : idle;
    if (now) announcement.textContent = busy[1];
  }

  function showTrouble({ title, detail, fields }) {
    const placed = names.filter((name) => fields.has(name));
    const unplaced = [...fields.keys()].filter((name) => !names.includes(name)).map((name) => fields.get(name));
    const labels = placed.map((name) => form.elements[name].labels[0].firstChild.textContent.trim());
    for (const name of placed) showFieldError(name, fields.get(name));
    trouble.replaceChildren(
      element("p", { class: "trouble-title" }, title),
      ...[detail, ...unplaced, labels.length ? `Look at: ${labels.join(", ")}.` : ""].filter(Boolean).map((text) => element("p", {}, text)),
      element("p", { class: "kept" }, "Your text is still in the form."),
    );
    announcement.textContent = "";
    if (placed.length > 0) form.elements[placed[0]].focus();
  }

  function showFieldError(name, message) {
    const field = form.elements[name];
    field.setAttribute("aria-invalid", "true");
    errorOf(field).textContent = message;
    const folded = field.closest("details");
    if (folded !== null) folded.open = true;
  }

  function clearTrouble() {
    trouble.replaceChildren();
    for (const name of names) {
      form.elements[name].removeAttribute("aria-invalid");
      errorOf(form.elements[name]).textContent = "";
    }
  }

  function errorOf(field) {
    return document.getElementById(`${field.id}-error`);
  }
}
