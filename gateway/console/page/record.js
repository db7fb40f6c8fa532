import {clock, count, el, span} from "./show.js";
import {ask, follow, pathOf} from "./key.js";

// bytes shows base64 as text where it is text, else in hexadecimal.
export function bytes(base64) {
  const raw = Uint8Array.from(atob(base64 ?? ""), c => c.charCodeAt(0));
  try {
    const text = new TextDecoder("utf-8", {fatal: true}).decode(raw);
    if (!/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text)) return text;
  } catch { /* not text */ }
  const lines = [];
  for (let at = 0; at < raw.length; at += 16) {
    const part = raw.subarray(at, at + 16);
    const hex = [...part].map(b => b.toString(16).padStart(2, "0")).join(" ");
    const text = [...part].map(b => b > 31 && b < 127 ? String.fromCharCode(b) : ".").join("");
    lines.push(at.toString(16).padStart(6, "0") + "  " + hex.padEnd(48) + " " + text);
  }
  return lines.join("\n");
}

// places shows where a record goes; of one that becomes many, the first outputs.
export function places({places: all, more}) {
  if (!all.length) return [el("p", {}, "Processing leaves nothing of the record.")];
  const shown = all.map(p => el("div", {class: "record"},
    el("p", {}, p.error_code ? el("b", {class: "fault"}, `error output, ${p.error_code}: ${p.error_message} `) : null, el("code", {}, p.key)), el("pre", {}, bytes(p.record))));
  return more ? [...shown, el("p", {class: "hint"}, `And ${count(more)} more outputs.`)] : shown;
}

const step = (s, first) => el("li", {"data-step": s.name}, el("b", {}, s.name), el("span", {class: "n"}, "+" + span((new Date(s.at) - first) / 1000)),
  el("span", {}, [clock(s.at), s.detail].filter(Boolean).join(" · ")));

// recordForm tries and sends a record, and follows one that was sent.
export function recordForm(name) {
  const text = el("textarea", {id: "record", rows: "4", spellcheck: "false"});
  text.value = '{"hello": "console"}';
  const out = el("div", {"aria-live": "polite"});
  let leave;
  const guarded = does => async () => {
    leave?.();
    try { await does(); } catch (e) { out.replaceChildren(el("p", {class: "fault"}, e.message)); }
  };
  const preview = guarded(async () => out.replaceChildren(...places(await ask(pathOf(name) + "/try", text.value))));
  const send = guarded(async () => {
    const {id} = await ask(pathOf(name) + "/send", text.value);
    leave = follow("records/" + id, journey => {
      const first = new Date(journey.steps[0].at);
      out.replaceChildren(el("ol", {class: "steps"}, ...journey.steps.map(s => step(s, first))),
        el("p", {class: "hint"}, journey.done ? "The record's way is complete." : "On its way: it is delivered when its object is full or its interval is over."));
      if (journey.done) leave();
    }, e => { if (e.status) out.replaceChildren(el("p", {class: "fault"}, e.message)); });
  });
  const sender = el("button", {type: "button", id: "send", hidden: "", on: {click: send}}, "Send");
  const why = el("p", {class: "hint"});
  return {
    node: el("div", {}, el("label", {for: "record"}, "Record"), text,
      el("button", {type: "button", class: "plain", id: "try", on: {click: preview}}, "Preview key and partition"), sender, why, out),
    allow(write, rights) {
      sender.hidden = !rights.has("records");
      why.textContent = !write ? "The console is read-only. With console: {write: true} in the node's configuration a record can be sent from here." :
        rights.has("records") ? "" : "To send a record takes an API key with the right \"records\".";
    },
    leave: () => leave?.(),
  };
}
