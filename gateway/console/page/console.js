import {overviewPage} from "./overview.js";
import {streamPage} from "./stream.js";
import {nodePage} from "./node.js";
import {editPage} from "./edit.js";
import {keyPage} from "./refused.js";
import {asksForKey, follow, onKey} from "./key.js";

const main = document.getElementById("main"), live = document.getElementById("live");
let page, last, refused, leave; // there is no page before the node has answered

function status(kind, words) {
  live.className = "badge " + kind;
  live.textContent = words;
}

function route() {
  const path = location.hash.slice(1).split("/").map(decodeURIComponent);
  page?.leave?.();
  if (refused) page = keyPage(refused);
  else if (path[1] === "streams" && path[2]) page = path[3] === "edit" ? editPage(path[2]) : streamPage(path[2]);
  else if (path[1] === "new") page = editPage();
  else page = path[1] === "node" ? nodePage() : overviewPage();
  document.title = page.title + " · Hydrant";
  const here = path[1] === "node" ? "#/node" : "#/";
  for (const a of document.querySelectorAll("nav a")) {
    if (a.getAttribute("href") === here) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  }
  main.replaceChildren(page.node);
  if (last) page.show(last);
  scrollTo(0, 0);
}

function show(view) {
  last = view;
  if (!page || refused) {
    refused = undefined;
    route();
  }
  asksForKey(view.asks);
  document.getElementById("node").textContent = [view.node.name, view.node.version].filter(Boolean).join(" · ");
  if (view.node.failing.length) status("bad", "not ready");
  else status("good", "live");
  page.show(view);
}

function fail(e) {
  if (e.status !== 401 && e.status !== 403) return status("warn", "connection lost");
  status("warn", "needs an API key");
  asksForKey(true);
  [last, refused] = [undefined, e];
  document.getElementById("node").textContent = "";
  route();
}

// connect begins anew, so that nothing stays that another key has shown.
function connect() {
  leave?.();
  page?.leave?.();
  main.replaceChildren();
  page = last = refused = undefined;
  leave = follow("events", show, fail);
}

addEventListener("hashchange", () => { if (page && location.hash !== "#main") { route(); main.focus(); } });
onKey(connect);
connect();
