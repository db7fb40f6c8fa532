// The API key, which is kept as long as the page is, and what its owner may do.
const field = document.getElementById("key"), place = document.getElementById("keys");
let timer;

// onKey calls does when the key has changed.
export function onKey(does) {
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(does, 300);
  });
}

export const asksForKey = asks => { place.hidden = !asks; };
export const hasKey = () => key() !== "";

const key = () => field.value.trim();
const headers = () => ({"X-Hydrant-Console": "1", ...(key() ? {Authorization: "Bearer " + key()} : {})});

async function request(path, options) {
  const answer = await fetch("/console/" + path, options);
  if (!answer.ok) throw Object.assign(new Error((await answer.text()).trim()), {status: answer.status});
  return answer;
}

// ask gets what is below /console/, or with a body posts it.
export async function ask(path, body) {
  const answer = await request(path, body === undefined ? {headers: headers()} :
    {method: "POST", headers: {...headers(), "Content-Type": "application/octet-stream"}, body});
  return answer.json();
}

const final = [401, 403, 404]; // to ask again with the same key is of no use

// follow gives shows what is below /console/ as server-sent events, which EventSource can't ask for with a key. When it is
// cut off, fails is told and it begins anew; when it is refused, the error has the status, and that was it. What it returns
// ends it.
export function follow(path, shows, fails) {
  const end = new AbortController();
  let again;
  async function read() {
    const answer = await request(path, {headers: headers(), signal: end.signal});
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const {value, done} = await reader.read();
      if (done) throw new Error("the node has ended the conversation");
      const events = (text + value).split("\n\n");
      text = events.pop();
      for (const e of events) if (e.startsWith("data: ")) tell(JSON.parse(e.slice(6)));
    }
  }
  function tell(view) {
    try { shows(view); } catch (e) { reportError(e); } // a fault of the page is none of the connection
  }
  function begin() {
    read().catch(e => {
      if (end.signal.aborted) return;
      fails(e);
      if (!final.includes(e.status)) again = setTimeout(begin, 3000);
    });
  }
  begin();
  return () => { clearTimeout(again); end.abort(); };
}

export const pathOf = name => "streams/" + encodeURIComponent(name);

// rightsOf are what may be done with a stream, or with any at all where there is no name.
export async function rightsOf(name) {
  try {
    return new Set((await ask(name ? pathOf(name) + "/rights" : "rights")).rights);
  } catch {
    return new Set();
  }
}
