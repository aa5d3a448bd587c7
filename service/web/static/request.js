// One request for feedback, and what can go wrong with it in words for people.

const PATIENCE_MS = 30_000;

/** Why there is no feedback: a title, a detail, and messages for single fields by their name. */
export class Refusal extends Error {
  constructor(title, detail, fields = new Map()) {
    super(title);
    this.title = title;
    this.detail = detail;
    this.fields = fields;
  }
}

/** Return the reply for `fields`, offsets in UTF-16 units. Throws `Refusal`. */
export async function requestFeedback(fields) {
  return understood(await reply("/v1/feedback", fields), (body) => fits(body, fields.answer));
}

/** Return the reply on `fields.questions`, offsets in UTF-16 units. Throws `Refusal`. */
export async function requestQuestions(fields) {
  return understood(await reply("/v1/questions", fields), (body) => questionsFit(body, fields.questions));
}

/** Have a correction kept; offsets of its spans are in UTF-16 units. Throws `Refusal`. */
export async function requestCorrection(fields) {
  return understood(await reply("/v1/corrections", fields), (body) => body?.status === "kept");
}

async function reply(path, fields) {
  const response = await send(path, { ...fields, offset_encoding: "utf-16" });
  const type = response.headers.get("Content-Type") ?? "";
  const body = /json/.test(type) ? await bodyOf(response) : null;
  if (!response.ok) throw refusalOf(response, body);
  return body;
}

function understood(body, isFit) {
  if (isFit(body)) return body;
  throw new Refusal(
    "The reply was not understood",
    "The service and this page may be of different versions. Copy your text, then reload the page.",
  );
}

async function send(path, request) {
  try {
    return await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", ...credentials() },
      body: JSON.stringify(request),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch (error) {
    if (error.name === "TimeoutError") {
      throw new Refusal("No reply came", "The service did not reply within 30 seconds. Try again.");
    }
    throw new Refusal(
      "The service can’t be reached",
      "It may have stopped, or the connection is gone. Try again when it is back.",
    );
  }
}

/** Return the header with the access key; the field is on the page only where keys are set. */
function credentials() {
  const key = document.getElementById("access-key")?.value.trim();
  return key ? { Authorization: `Bearer ${key}` } : {};
}

async function bodyOf(response) {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

function refusalOf(response, problem) {
  const fields = fieldMessages(problem?.errors);
  const detail = fields.size > 0 ? "" : details(problem).join(" ");
  switch (response.status) {
    case 401:
      return new Refusal("The access key is missing or wrong", "Write the key into the field at the top.", fields);
    case 413:
      return new Refusal("The text is too long", detail, fields);
    case 400:
    case 422:
      return new Refusal("The request was not accepted", detail, fields);
    case 429:
      return new Refusal("The service is busy", `${detail} ${retryAdvice(response)}`.trim(), fields);
    case 503:
      return new Refusal(unavailable(problem), `${detail} ${retryAdvice(response)}`.trim(), fields);
    default:
      return new Refusal(
        "Something went wrong",
        detail || `The service answered with status ${response.status}.`,
        fields,
      );
  }
}

function unavailable(problem) {
  const unkept = problem?.errors?.some(({ code }) => code === "corrections_unavailable");
  return unkept ? "It could not be kept" : "No feedback this time";
}

/** Return what is wrong with single fields; a pointer to no field is the request as a whole. */
function fieldMessages(errors) {
  const messages = new Map();
  for (const { pointer, code, message } of errors ?? []) {
    const [, name, index] = /^\/(\w+)(?:\/(\d+))?/.exec(pointer) ?? [];
    const where = index === undefined ? "" : `Number ${Number(index) + 1}: `;
    if (name !== undefined && !messages.has(name)) messages.set(name, where + plain(code, message));
  }
  return messages;
}

function details(problem) {
  const general = (problem?.errors ?? []).map(({ message }) => message);
  return [...new Set([problem?.detail, ...general].filter(Boolean).map(sentence))];
}

function plain(code, message) {
  const most = code === "string_too_long" ? /\d+/.exec(message)?.[0] : undefined;
  return most === undefined ? sentence(message) : `Too long: at most ${Number(most).toLocaleString("en")} characters.`;
}

function retryAdvice(response) {
  const header = response.headers.get("Retry-After");
  if (header === null) return "Try again in a moment.";
  const wait = /^\d+$/.test(header) ? Number(header) : Math.ceil((Date.parse(header) - Date.now()) / 1000);
  if (!Number.isFinite(wait) || wait <= 0) return "Try again in a moment.";
  return `Try again in ${wait} second${wait === 1 ? "" : "s"}.`;
}

function sentence(text) {
  if (!text) return "";
  const opened = text[0].toUpperCase() + text.slice(1);
  return /[.!?]$/.test(opened) ? opened : `${opened}.`;
}

/** Say whether every piece of text in the reply is the slice of the answer that its offsets name. */
function fits(reply, answer) {
  return reply?.offset_encoding === "utf-16" && [...reply.spans, ...reply.findings].every(cut(answer));
}

/** Say whether the reply is on these questions, and its offsets name the texts that it holds. */
function questionsFit(reply, questions) {
  return (
    reply?.offset_encoding === "utf-16" &&
    reply.questions.length === questions.length &&
    reply.questions.every(({ text, words, findings }, number) =>
      text === questions[number] && [...words, ...findings].every(cut(text)))
  );
}

function cut(whole) {
  return ({ start, end, text }) => start === null || whole.slice(start, end) === text;
}
