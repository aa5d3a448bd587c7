// What the page does: its forms, the count below the answer, and notes that unfold for printing.

import { offerCorrection } from "./correction.js";
import { connectForm } from "./form.js";
import { announcementOfQuestions, showQuestions } from "./questions.js";
import { announcementOf, showReport } from "./report.js";
import { Refusal, requestFeedback, requestQuestions } from "./request.js";

const form = document.getElementById("form");
const report = document.getElementById("report");
const questionsForm = document.getElementById("questions-form");
const questionsReport = document.getElementById("questions-report");
const announcement = document.getElementById("announcement");
const count = document.getElementById("answer-count");
const wide = window.matchMedia("(min-width: 64rem)");

const longest = Number(form.elements.answer.dataset.longest);

connectForm(form, {
  names: ["answer", "question", "question_type", "context"],
  busy: ["Reading…", "Reading the answer."],
  announcement,
  ask: (values) => {
    need("answer", values.answer, "There is no answer yet", "Paste or type an answer first.");
    return requestFeedback(values);
  },
  show: ({ question, answer, question_type: type }, reply) => {
    showReport(report, { question, answer, reply, wide: wide.matches });
    offerCorrection(report, { question, answer, type, reply, announcement });
    lead(report, "report-title");
    return announcementOf(reply);
  },
});

connectForm(questionsForm, {
  names: ["questions", "context"],
  busy: ["Reading…", "Reading the questions."],
  announcement,
  ask: ({ questions, context }) => {
    need("questions", questions, "There is no question yet", "Write a question first, one on each line.");
    // Only the sign that the field itself writes ends a line.
    const lines = questions.split("\n").map((line) => line.trim()).filter(Boolean);
    return requestQuestions({ questions: lines, context });
  },
  show: (_values, reply) => {
    showQuestions(questionsReport, reply);
    lead(questionsReport, "questions-report-title");
    return announcementOfQuestions(reply);
  },
});

form.elements.answer.addEventListener("input", showCount);
window.addEventListener("beforeprint", unfoldAll);
window.addEventListener("afterprint", foldAgain);
showCount();

function need(name, value, title, message) {
  if (value === null || value.trim() === "") throw new Refusal(title, "", new Map([[name, message]]));
}

function lead(section, title) {
  document.getElementById(title).focus({ preventScroll: true });
  section.scrollIntoView({ block: "start" });
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
