import {el, panel} from "./show.js";

// Fields of a definition, in the API's terms. says tells what the API says of a field from what it says of others. Those with
// more stand below the others.
export const fields = [
  {id: "name", label: "Name", says: /deliveryStreamName|^Firehose \S+ under/i, hint: "Letters, digits, dots, dashes and underscores, at most 64.", required: true},
  {id: "bucket", label: "Bucket", says: /bucketARN|\bbucket "/i, required: true},
  {id: "prefix", label: "Prefix of keys", says: /(^|[^a-z])prefix\b/i, hint: "With !{timestamp:yyyy/MM/dd/} and, from a query, !{partitionKeyFromQuery:customer}. Without expressions yyyy/MM/dd/HH/ is added."},
  {id: "errors", label: "Prefix of the error output", says: /errorOutputPrefix/i, hint: "Needed where the prefix has expressions, and then with !{firehose:error-output-type}."},
  {id: "query", label: "Partition keys, a jq query", says: /MetadataExtractionQuery|MetadataExtraction processor|dynamic partitioning/i, hint: "Such as {customer: .customer.id}. Needs 64 MiB and 60 s at least. Whether there is one cannot change later.", area: true},
  {id: "size", label: "Size, MiB", says: /sizeInMBs/i, type: "number", value: "5"},
  {id: "interval", label: "Interval, s", says: /intervalInSeconds/i, type: "number", value: "300"},
  {id: "format", label: "Compression", says: /compressionFormat/i, options: ["UNCOMPRESSED", "GZIP", "ZIP", "Snappy", "HADOOP_SNAPPY"]},
  {id: "extension", label: "File extension", says: /fileExtension/i, hint: "With its dot; empty for the compression's own."},
  {id: "zone", label: "Time zone of timestamps", says: /customTimeZone/i, hint: "Such as Europe/Berlin; empty for UTC."},
  {id: "role", label: "Role ARN", says: /roleARN/i, value: "arn:aws:iam::000000000000:role/hydrant"},
  {id: "lines", label: "A line feed behind each record", says: /AppendDelimiter|delimiter/i, check: true, value: true},
  {id: "backup", label: "Backup bucket", says: /backup(?!\w*\.prefix)/i, hint: "Gets a copy of each record as it came in. Once there is one, it stays: Firehose has no way back.", more: true},
  {id: "backupPrefix", label: "Prefix of the backup", says: /backup\w*\.prefix/i, hint: "With timestamps only. Without them yyyy/MM/dd/HH/ is added.", more: true},
  {id: "logGroup", label: "Error log, group", says: /logGroupName|CloudWatchLoggingOptions/i, hint: "With a stream: delivery's errors are in the node's log under these names, with Firehose's codes.", more: true},
  {id: "logStream", label: "Error log, stream", says: /logStreamName/i, more: true},
  {id: "objectKey", label: "KMS key of the objects", says: /(?<!DeliveryStream)EncryptionConfig|AWSKMSKeyARN/i, hint: "Its ARN: the store encrypts the objects with it. Empty for the bucket's own way.", more: true},
  {id: "encrypt", label: "Encryption on the node's disk", says: /DeliveryStreamEncryption|\bkeyARN|\b(data|master|KMS) key\b/i, hint: "node, for the node's own master key, or the ARN of a KMS key. Empty for none.", more: true},
  {id: "tags", label: "Tags", says: /\btags?\b/i, hint: "One a line, such as team=web.", area: true, more: true},
];

function control(f) {
  const common = {id: f.id, "aria-describedby": `${f.id}-hint ${f.id}-fault`, spellcheck: "false", autocomplete: "off"};
  if (f.area) return el("textarea", {...common, rows: "2"});
  if (f.options) return el("select", common, ...f.options.map(o => el("option", {value: o}, o)));
  return el("input", {...common, type: f.check ? "checkbox" : f.type ?? "text", required: f.required && ""});
}

// definitionFields are the controls of a definition, with what is wrong with each below it.
export function definitionFields() {
  const controls = {}, faults = {}, rows = [], more = [];
  for (const f of fields) {
    const c = controls[f.id] = control(f), fault = faults[f.id] = el("p", {id: f.id + "-fault", class: "fault"});
    if (f.check) c.checked = f.value;
    else if (f.value) c.value = f.value;
    (f.more ? more : rows).push(el("div", {class: f.check ? "field check" : "field"}, el("label", {for: f.id}, f.label), c, el("p", {id: f.id + "-hint", class: "hint"}, f.hint ?? ""), fault));
  }
  return {
    node: el("div", {}, panel("Definition", el("div", {class: "fields"}, ...rows)), panel("Backup, error log, encryption, tags", el("div", {class: "fields"}, ...more))),
    controls,
    get: id => controls[id].type === "checkbox" ? controls[id].checked : controls[id].value.trim(),
    set(id, value) {
      if (controls[id].type === "checkbox") controls[id].checked = value;
      else controls[id].value = value ?? "";
    },
    // blame shows each part of what the API said at the field that it is about. The first of them gets the focus.
    blame(message) {
      const about = {};
      let last = "";
      for (const part of message.replace(/^\d+ validation errors? detected: |Ths supplied prefix\(es\) do not satisfy the following constraint: /g, "").split("; ")) {
        const found = fields.map(f => [f.id, part.search(f.says)]).filter(([, at]) => at >= 0).sort((a, b) => a[1] - b[1])[0];
        last = found ? found[0] : last;
        if (last) about[last] = [about[last], part].filter(Boolean).join("; ");
      }
      for (const f of fields) {
        faults[f.id].textContent = about[f.id] ?? "";
        if (about[f.id]) controls[f.id].setAttribute("aria-invalid", "true");
        else controls[f.id].removeAttribute("aria-invalid");
      }
      const first = fields.find(f => about[f.id]);
      if (first && message) controls[first.id].focus();
    },
  };
}
