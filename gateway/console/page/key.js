// The API key, which is kept as long as the page is, and what its owner may do.
const field = document.getElementById("key"), place = document.getElementById("keys"), changed = new Set();
let timer;

field.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(() => changed.forEach(does => does()), 300);
});

// onKey calls does when the key has changed. What it returns ends that.
export function onKey(does) {
  changed.add(does);
  return () => changed.delete(does);
}

export const asksForKey = asks => { place.hidden = !asks; };

const key = () => field.value.trim();
const headers = () => ({"X-Hydrant-Console": "1", ...(key() ? {Authorization: "Bearer " + key()} : {})});

// ask gets what is below /console/, or with a body posts it.
export async function ask(path, body) {
  const answer = await fetch("/console/" + path, body === undefined ? {headers: headers()} :
    {method: "POST", headers: {...headers(), "Content-Type": "application/octet-stream"}, body});
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
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
