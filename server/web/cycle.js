// Draws why nothing moves: a row of boxes, an arrow from each to the next, and an arrow back.
import { show, sourceLine, task } from "./words.js";

const section = document.getElementById("stall");
const cycle = document.getElementById("cycle");
const back = document.getElementById("back");
const CALLS_SHOWN = 6;
let drawn = "";
let full = false;

export function hideCycle() {
  section.hidden = true;
  drawn = "";
}

/// Draws the stall. Returns true if the drawing is complete: it shows the lock's holder and waiters, or the
/// thread's calls.
export function drawCycle(state, report) {
  section.hidden = false;
  const { holder, waiters } = state.lock;
  const words = [report?.explanation ?? "", report?.fix ?? ""];
  const calls = report?.thread.stack ?? [];
  // Redrawn only if its content changes, because people and screen readers read it.
  const same = JSON.stringify([state.verdict, holder?.task, holder?.at, holder?.suspended_at, waiters[0]?.at, words, calls]);
  if (same === drawn) return full;
  drawn = same;
  show("explanation", words[0]);
  show("fix", words[1]);
  const aboutTheLock = Boolean(holder && waiters[0]) && (state.status === "starved" || state.verdict === "deadlock");
  if (!aboutTheLock) drawOther(state.verdict, calls);
  else if (state.status === "starved") drawStarved(holder, state.lock);
  else drawDeadlock(holder, waiters[0]);
  full = aboutTheLock || calls.length > 0;
  return full;
}

function drawDeadlock(holder, waiter) {
  show("stall-title", "Each waits for the next, forever");
  cycle.replaceChildren(
    box(task(holder), ["took the lock in ", sourceLine(holder.at)],
        holder.suspended_at ? ["is suspended in ", sourceLine(holder.suspended_at)] : []),
    arrow("needs"),
    box("the only thread", ["runs all tasks, one at a time"], ["is blocked in std::mutex::lock"]),
    arrow("is blocked by"),
    box(task(waiter), ["asks for the lock in ", sourceLine(waiter.at)], ["and so blocks the thread"]));
  drawBack(`${task(waiter)} waits for the lock that ${task(holder)} holds`);
}

function drawStarved(holder, lock) {
  show("stall-title", "The loop turns, but the lock does not change hands");
  const first = lock.waiters.slice(0, 2).map(task).join(", ");
  cycle.replaceChildren(
    box(lock.waiting === 1 ? "1 task" : `${lock.waiting} tasks`, ["in the queue: ", first, lock.waiting > 2 ? ", …" : ""],
        ["the first asked in ", sourceLine(lock.waiters[0].at)]),
    arrow(lock.waiting === 1 ? "waits for" : "wait for"),
    box(task(holder), ["took the lock in ", sourceLine(holder.at)],
        holder.suspended_at ? ["is suspended in ", sourceLine(holder.suspended_at)] : []),
    arrow("awaits"),
    box(holder.awaiting_name || holder.name || "its client", [holder.awaiting || "to take what was sent"], []));
  back.hidden = true;
}

function drawOther(verdict, calls) {
  const why = {
    blocked: "The loop's thread is blocked in a system call or by another thread's lock",
    spinning: "The loop's thread is computing and does not return to the loop",
    deadlock: "The loop's thread waits for a lock that only this thread can release",
    starved: "The loop turns, but the lock does not change hands",
  };
  show("stall-title", why[verdict] ?? "The loop's thread does not return to the loop");
  const innermost = calls.slice(0, CALLS_SHOWN).map((call) => [call]);
  cycle.replaceChildren(...(calls.length > 0 ? [box("the only thread is here", ...innermost)] : []));
  back.hidden = true;
}

function drawBack(text) {
  const label = document.createElement("span");
  label.textContent = text;
  back.replaceChildren(label);
  back.hidden = false;
}

function box(title, ...lines) {
  const item = document.createElement("li");
  const head = document.createElement("b");
  head.textContent = title;
  item.append(head);
  for (const line of lines) {
    const row = document.createElement("div");
    row.append(...line);
    item.append(row);
  }
  return item;
}

function arrow(label) {
  const item = document.createElement("li");
  item.className = "arrow";
  const word = document.createElement("span");
  word.textContent = label;
  const ns = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(ns, "svg");
  drawing.setAttribute("viewBox", "0 0 100 16");
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("aria-hidden", "true");
  const shaft = document.createElementNS(ns, "path");
  shaft.setAttribute("d", "M0,8H88");
  const head = document.createElementNS(ns, "path");
  head.setAttribute("d", "M86,1L100,8L86,15Z");
  head.setAttribute("class", "head");
  drawing.append(shaft, head);
  item.append(word, drawing);
  return item;
}
