// The page of a file: asks how far it is, and shows the results when they are there. Without it, "Look again" does.

const PAUSE_MS = 1000;
// A service that was restarted is back within this time.
const LONGEST_PAUSE_MS = 10_000;

const progress = document.getElementById("progress");
const state = document.getElementById("state");
const bar = document.getElementById("bar");
const judged = document.getElementById("judged");

const WORDS = { queued: "Waiting for its turn.", running: "At work." };

document.getElementById("again").hidden = true;
follow(PAUSE_MS);

async function follow(pause) {
  await new Promise((resume) => setTimeout(resume, pause));
  const reply = await ask();
  if (reply === null) {
    say("The service can’t be reached. The file is kept; this page tries again.");
    return follow(Math.min(2 * pause, LONGEST_PAUSE_MS));
  }
  // What is to be shown now, or that it is gone, the service shows itself.
  if (WORDS[reply.state] === undefined) return window.location.reload();
  say(WORDS[reply.state]);
  const count = reply.scored + reply.abstained + reply.errors;
  bar.value = count;
  judged.textContent = `${count.toLocaleString("en")} of ${reply.rows.toLocaleString("en")} answers`;
  return follow(PAUSE_MS);
}

/** Return the job, or null where the service does not answer; one that is gone has a state of no name. */
async function ask() {
  try {
    const response = await fetch(progress.dataset.job, {
      headers: { Accept: "application/json" },
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
    });
    if (response.status === 404) return { state: "gone" };
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

// Said aloud only when it changes.
function say(words) {
  if (state.textContent !== words) state.textContent = words;
}
