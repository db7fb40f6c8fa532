import {count, el, plural, size} from "./show.js";
import {ask, pathOf} from "./key.js";

function planned(p) {
  const reasons = Object.entries(p.codes ?? {}).filter(([code]) => code).sort((a, b) => b[1] - a[1]);
  return el("div", {}, el("p", {}, el("b", {}, plural(p.records, "record")), ` in ${plural(p.objects, "object")} of error output can be sent again, ${size(p.payload)}.`,
    p.before ? ` ${plural(p.before, "object")} were replayed before and are left out.` : "", p.begun ? ` ${plural(p.begun, "object")} were begun before and go on where they ended.` : ""),
    reasons.length ? el("ul", {}, ...reasons.map(([code, n]) => el("li", {}, `${count(n)} × `, el("code", {}, code)))) : null);
}

function sent(s) {
  const p = s.plan;
  const words = [`${plural(s.records, "record")} sent, ${count(s.objects)} of ${plural(p?.objects ?? 0, "object")} done.`];
  if (s.known) words.push(`${count(s.known)} of the records were stored by an earlier run.`);
  if (s.refused) words.push(`${plural(s.refused, "record")} refused.`);
  if (s.faults) words.push(`${plural(s.faults, "object")} could not be replayed whole.`);
  if (s.doubted) words.push(`${plural(s.doubted, "record")} may be stored twice.`);
  return words.join(" ");
}

// replayPanel counts what the error output of a stream keeps, sends it again and shows how far that is.
export function replayPanel(name) {
  const out = el("div", {"aria-live": "polite"});
  const prefix = el("input", {id: "earlier", spellcheck: "false", autocomplete: "off", "aria-describedby": "earlier-hint"});
  const where = el("div", {class: "field", hidden: ""}, el("label", {for: "earlier"}, "Earlier prefix of the error output"), prefix,
    el("p", {class: "hint", id: "earlier-hint"}, "Empty for the one in force. Only this stream's objects, at the destination as it is now, are found: for another bucket take hydrant replay errors."));
  const button = (id, kind, text, does) => el("button", {type: "button", id, class: kind, hidden: "", on: {click: does}}, text);
  const plan = button("plan", "plain", "Count what can be replayed", () => act("plan"));
  const start = button("replay", undefined, "Replay", () => act("start")), stop = button("stop", "plain", "Stop", () => act("stop"));
  let allowed = false, chooses = false, timer, open = true;

  function show(r) {
    const s = r?.status, running = Boolean(r?.running);
    plan.hidden = running || !allowed;
    where.hidden = running || !allowed || !chooses;
    stop.hidden = !running || !s || !allowed;
    start.hidden = !(allowed && !running && r?.plan && s?.plan?.records);
    if (s?.plan) start.textContent = `Replay ${plural(s.plan.records, "record")}`;
    const parts = [];
    if (running && !s) parts.push(el("p", {class: "hint"}, "A replay of another stream is under way: one at a time."));
    if (s && r.plan && running) parts.push(el("p", {class: "hint"}, "Counting what the error output keeps."));
    if (s && r.plan && s.plan) parts.push(s.plan.records ? planned(s.plan) : el("p", {}, "The error output keeps nothing that was not replayed before."));
    if (s && !r.plan) {
      if (running) parts.push(el("progress", {max: s.plan?.bytes || 1, value: s.bytes, "aria-label": "Replay"}));
      parts.push(el("p", {id: "replayed"}, running ? "" : "Over: ", sent(s), s.waiting ? ` Waiting: ${s.waiting}.` : ""));
    }
    for (const line of s?.told ?? []) parts.push(el("p", {class: "hint"}, line));
    if (r?.error) parts.push(el("p", {class: "fault"}, r.error));
    out.replaceChildren(...parts);
    clearTimeout(timer);
    if (running && open) timer = setTimeout(look, 500);
  }
  const fail = e => out.replaceChildren(el("p", {class: "fault"}, e.message));
  async function look() {
    try { show((await ask(pathOf(name) + "/replay")).replay); } catch (e) { fail(e); }
  }
  async function act(what) {
    try { show((await ask(`${pathOf(name)}/replay/${what}`, prefix.value.trim())).replay); } catch (e) { fail(e); }
  }
  return {
    node: el("div", {class: "replay"}, where, plan, start, stop, out),
    allow(rights) {
      chooses = rights.has("UpdateDestination");
      allowed = rights.has("records") && rights.has("DescribeDeliveryStream");
      if (allowed) look();
      else [where, plan, start, stop].forEach(b => { b.hidden = true; });
    },
    leave() { open = false; clearTimeout(timer); },
  };
}
