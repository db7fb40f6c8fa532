import {el, panel} from "./show.js";
import {ask, pathOf, rightsOf} from "./key.js";
import {definitionFields, fields} from "./form.js";
import {places} from "./record.js";

const bucketARN = "arn:aws:s3:::", extraction = "MetadataExtraction", appending = "AppendDelimiterToRecord";
const parameter = (name, value) => ({ParameterName: name, ParameterValue: value});
const processorOf = (s3, type) => (s3.ProcessingConfiguration?.Enabled ? s3.ProcessingConfiguration.Processors ?? [] : []).find(p => p.Type === type);

// tagsOf reads lines of key=value.
const tagsOf = text => Object.fromEntries(text.split("\n").filter(l => l.trim()).map(l => {
  const [key, ...value] = l.split("=");
  return [key.trim(), value.join("=").trim()];
}));
const tagList = tags => Object.entries(tags).map(([Key, Value]) => ({Key, Value}));
const masterKey = key => ({DeliveryStreamEncryptionConfigurationInput: key === "node" ? {KeyType: "AWS_OWNED_CMK"} : {KeyType: "CUSTOMER_MANAGED_CMK", KeyARN: key}});
const masterKeyOf = e => e?.Status !== "ENABLED" ? "" : e.KeyType === "AWS_OWNED_CMK" ? "node" : e.KeyARN;

// valuesOf reads the fields' values out of a description.
const valuesOf = (s3, encryption, tags) => ({
  bucket: s3.BucketARN.slice(bucketARN.length), prefix: s3.Prefix ?? "", errors: s3.ErrorOutputPrefix ?? "", role: s3.RoleARN,
  size: String(s3.BufferingHints.SizeInMBs), interval: String(s3.BufferingHints.IntervalInSeconds), format: s3.CompressionFormat,
  extension: s3.FileExtension ?? "", zone: s3.CustomTimeZone ?? "", lines: Boolean(processorOf(s3, appending)),
  query: processorOf(s3, extraction)?.Parameters.find(p => p.ParameterName === "MetadataExtractionQuery")?.ParameterValue ?? "",
  backup: s3.S3BackupMode === "Enabled" ? s3.S3BackupDescription.BucketARN.slice(bucketARN.length) : "",
  backupPrefix: s3.S3BackupMode === "Enabled" ? s3.S3BackupDescription.Prefix ?? "" : "",
  logGroup: s3.CloudWatchLoggingOptions?.Enabled ? s3.CloudWatchLoggingOptions.LogGroupName : "",
  logStream: s3.CloudWatchLoggingOptions?.Enabled ? s3.CloudWatchLoggingOptions.LogStreamName : "",
  objectKey: s3.EncryptionConfiguration?.KMSEncryptionConfig?.AWSKMSKeyARN ?? "",
  encrypt: masterKeyOf(encryption), tags: tags.map(t => `${t.Key}=${t.Value ?? ""}`).join("\n"),
});

// destination is what the fields say that is not as it was, in the API's terms. Processors that have no field stay.
function destination(form, before, was) {
  const s3 = {}, now = Object.fromEntries(fields.map(f => [f.id, form.get(f.id)]));
  const changed = (...ids) => ids.some(id => was ? now[id] !== was[id] : now[id] !== "");
  const put = (member, id, value) => { if (changed(id)) s3[member] = value ?? now[id]; };
  put("BucketARN", "bucket", bucketARN + now.bucket);
  put("RoleARN", "role");
  put("Prefix", "prefix");
  put("ErrorOutputPrefix", "errors");
  put("CompressionFormat", "format");
  put("FileExtension", "extension");
  put("CustomTimeZone", "zone");
  if (changed("size", "interval")) s3.BufferingHints = {SizeInMBs: Number(now.size), IntervalInSeconds: Number(now.interval)};
  if (changed("backup", "backupPrefix")) {
    if (now.backup || was?.backup) s3.S3BackupMode = now.backup ? "Enabled" : "Disabled";
    const backup = {...(now.backup ? {BucketARN: bucketARN + now.backup, RoleARN: now.role} : {}), Prefix: now.backupPrefix};
    if (now.backup || now.backupPrefix) s3[was ? "S3BackupUpdate" : "S3BackupConfiguration"] = backup;
  }
  if (changed("logGroup", "logStream")) {
    const names = {...(now.logGroup ? {LogGroupName: now.logGroup} : {}), ...(now.logStream ? {LogStreamName: now.logStream} : {})};
    s3.CloudWatchLoggingOptions = {Enabled: Boolean(now.logGroup || now.logStream), ...names};
  }
  put("EncryptionConfiguration", "objectKey", now.objectKey ? {KMSEncryptionConfig: {AWSKMSKeyARN: now.objectKey}} : {NoEncryptionConfig: "NoEncryption"});
  if (!was && now.query) s3.DynamicPartitioningConfiguration = {Enabled: true};
  if (was ? changed("query", "lines") : now.query || now.lines) {
    const kept = (before?.ProcessingConfiguration?.Processors ?? []).filter(p => p.Type !== extraction && (p.Type !== appending || now.lines));
    if (now.query) kept.push({Type: extraction, Parameters: [parameter("MetadataExtractionQuery", now.query), parameter("JsonParsingEngine", "JQ-1.6")]});
    if (now.lines && !kept.some(p => p.Type === appending)) kept.push({Type: appending, Parameters: [parameter("Delimiter", "\\n")]});
    s3.ProcessingConfiguration = kept.length ? {Enabled: true, Processors: kept} : {Enabled: false, Processors: []};
  }
  return s3;
}

// editPage makes a stream, or changes the one of a name.
export function editPage(name) {
  const form = definitionFields(), operation = name ? "UpdateDestination" : "CreateDeliveryStream";
  const sample = el("textarea", {id: "sample", rows: "4", spellcheck: "false"});
  sample.value = '{"customer": {"id": "ada"}}';
  const said = el("p", {class: "fault", role: "alert", id: "said"}), shown = el("div", {id: "places", "aria-live": "polite"});
  let before, was, version, destinationID;

  const created = () => {
    const tags = tagList(tagsOf(form.get("tags")));
    return {DeliveryStreamName: form.get("name"), ExtendedS3DestinationConfiguration: destination(form), ...(tags.length ? {Tags: tags} : {}),
      ...(form.get("encrypt") ? masterKey(form.get("encrypt")) : {})};
  };
  const updated = () => ({DeliveryStreamName: name, CurrentDeliveryStreamVersionId: version, DestinationId: destinationID,
    ExtendedS3DestinationUpdate: destination(form, before, was)});
  const input = () => name ? updated() : created();

  // calls are what the API must be asked for to make the stream what the form says.
  function calls() {
    if (!name) return [["CreateDeliveryStream", created()]];
    const all = [], own = more => ({DeliveryStreamName: name, ...more}), update = updated();
    if (Object.keys(update.ExtendedS3DestinationUpdate).length) all.push(["UpdateDestination", update]);
    const old = tagsOf(was.tags), tags = tagsOf(form.get("tags"));
    const gone = Object.keys(old).filter(k => !Object.hasOwn(tags, k)), set = Object.entries(tags).filter(([k, v]) => old[k] !== v);
    if (gone.length) all.push(["UntagDeliveryStream", own({TagKeys: gone})]);
    if (set.length) all.push(["TagDeliveryStream", own({Tags: tagList(Object.fromEntries(set))})]);
    const key = form.get("encrypt");
    if (key !== was.encrypt) all.push(key ? ["StartDeliveryStreamEncryption", own(masterKey(key))] : ["StopDeliveryStreamEncryption", own()]);
    return all;
  }
  const guarded = does => async event => {
    event.preventDefault();
    said.textContent = "";
    form.blame("");
    try { await does(); } catch (e) {
      said.textContent = e.message;
      form.blame(e.message);
    }
  };
  const preview = guarded(async () => {
    shown.replaceChildren();
    shown.replaceChildren(...places(await ask("draft/" + operation, JSON.stringify({input: input(), record: sample.value}))));
  });
  const save = guarded(async () => {
    let made = 0;
    try {
      for (const [call, of] of calls()) {
        await ask("call/" + call, JSON.stringify(of));
        made++;
      }
    } catch (e) {
      if (name && made) await read(); // what was made is as it is; what the form says stays
      throw e;
    }
    location.hash = "#/" + pathOf(name ?? form.get("name"));
  });
  const saver = el("button", {type: "submit", id: "save", hidden: ""}, name ? "Save" : "Create");
  const previewer = el("button", {type: "button", class: "plain", id: "preview", hidden: "", on: {click: preview}}, "Preview key and partition");
  const denied = el("p", {class: "hint", hidden: ""}, `This takes an API key with the right "${operation}", and console: {write: true} in the node's configuration.`);
  const node = el("form", {novalidate: "", on: {submit: save}}, form.node,
    panel("Sample record", el("label", {for: "sample"}, "Record"), sample, previewer, shown),
    said, denied, saver, el("a", {href: name ? "#/" + pathOf(name) : "#/"}, "Cancel"));

  // read asks what is in force.
  async function read() {
    const d = (await ask("call/DescribeDeliveryStream", JSON.stringify({DeliveryStreamName: name}))).DeliveryStreamDescription;
    const first = d.Destinations[0];
    [before, version, destinationID] = [first.ExtendedS3DestinationDescription, d.VersionId, first.DestinationId];
    const {Tags} = await ask("call/ListTagsForDeliveryStream", JSON.stringify({DeliveryStreamName: name}));
    was = valuesOf(before, d.DeliveryStreamEncryptionConfiguration, Tags);
  }
  function fill(rights) {
    for (const [id, value] of Object.entries(was)) form.set(id, value);
    form.set("name", name);
    form.controls.name.disabled = true;
    form.controls.query.disabled = !was.query;
    form.controls.tags.disabled = !rights.has("TagDeliveryStream") || !rights.has("UntagDeliveryStream");
    form.controls.encrypt.disabled = !rights.has("StartDeliveryStreamEncryption") || !rights.has("StopDeliveryStreamEncryption");
  }
  async function open() {
    const rights = await rightsOf(name);
    denied.hidden = rights.has(operation);
    saver.hidden = previewer.hidden = !rights.has(operation);
    if (!name || !rights.has(operation)) return;
    try {
      await read();
      fill(rights);
    } catch (e) { said.textContent = e.message; }
  }
  open();
  return {title: name ? "Edit " + name : "New stream", node: el("div", {}, el("h1", {}, name ? "Edit " + name : "New stream"), node), show() {}};
}
