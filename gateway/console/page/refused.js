import {el} from "./show.js";
import {hasKey} from "./key.js";

// keyPage says what the page needs where nothing is shown without it.
export const keyPage = refusal => ({
  title: "API key",
  node: el("div", {}, el("h1", {}, "This node asks for an API key"),
    hasKey() ? el("p", {class: "fault", role: "alert"}, refusal.message) : null,
    el("p", {}, "It shows a stream to whoever has an API key that allows DescribeDeliveryStream on it, as the groups read and manage of the node's file of credentials do. " +
      "The key goes into the field at the top, and is forgotten when the page is closed.")),
  show() {},
});
