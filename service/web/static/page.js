// The form: sends the answer, shows the report or what went wrong. Nothing is stored, no text is cleared.

import { element } from "./dom.js";
import { announcementOf, showReport } from "./report.js";
import { Refusal, requestFeedback } from "./request.js";

const FIELDS = ["answer", "question", "question_type", "context"];

const form = document.getElementById("form");
const button = document.getElementById("submit");
const report = document.getElementById("report");
const trouble = document.getElementById("trouble");
const announcement = document.getElementById("announcement");
const count = document.getElementById("answer-count");
const wide = window.matchMedia("(min-width: 64rem)");

const longest = Number(form.elements.answer.dataset.longest);

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

form.elements.answer.addEventListener("input", showCount);
window.addEventListener("beforeprint", unfoldAll);
window.addEventListener("afterprint", foldAgain);
showCount();
button.disabled = false;

async function send() {
  if (sending) return;
  const fields = Object.fromEntries(
    FIELDS.map((name) => [name, form.elements[name].value || null]),
  );
  clearTrouble();
  if (fields.answer === null || fields.answer.trim() === "") {
    showTrouble(new Refusal("There is no answer yet", "", new Map([["answer", "Paste or type an answer first."]])));
    return;
  }
  setSending(true);
  try {
    const reply = await requestFeedback(fields);
    showReport(report, { question: fields.question, answer: fields.answer, reply, wide: wide.matches });
    announcement.textContent = announcementOf(reply);
    document.getElementById("report-title").focus({ preventScroll: true });
    report.scrollIntoView({ block: "start" });
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
  button.textContent = now ? "Reading…" : "Get feedback";
  if (now) announcement.textContent = "Reading the answer.";
}

function showTrouble({ title, detail, fields }) {
  const placed = FIELDS.filter((name) => fields.has(name));
  const unplaced = [...fields.keys()].filter((name) => !FIELDS.includes(name)).map((name) => fields.get(name));
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
  document.getElementById(`${name}-error`).textContent = message;
  const folded = field.closest("details");
  if (folded !== null) folded.open = true;
}

function clearTrouble() {
  trouble.replaceChildren();
  for (const name of FIELDS) {
    form.elements[name].removeAttribute("aria-invalid");
    document.getElementById(`${name}-error`).textContent = "";
  }
}

function showCount() {
  const length = [...form.elements.answer.value].length;
  const over = length > longest;
  count.classList.toggle("over", over);
  count.textContent = length === 0 ? "" : `${length.toLocaleString("en")} of ${longest.toLocaleString("en")} characters${over ? ": too long" : ""}`;
}

// A folded note would be missing from the printed sheet.
function unfoldAll() {
  for (const details of report.querySelectorAll("details:not([open])")) {
    details.dataset.folded = "";
    details.open = true;
  }
}

function foldAgain() {
  for (const details of report.querySelectorAll("details[data-folded]")) {
    delete details.dataset.folded;
    details.open = false;
  }
}
