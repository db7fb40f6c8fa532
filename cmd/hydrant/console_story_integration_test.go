//go:build integration

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"hydrant/bench/s3fault"
	"hydrant/delivery/deliverytest"
	"hydrant/gateway/auth"
)

// fill writes into a field as a person does, so far as the page can tell, once the field is there.
func fill(selector, text string) action {
	return holds(fmt.Sprintf(`(() => {
		const field = document.querySelector(%q);
		if (!field) return false;
		field.focus();
		field.value = %q;
		field.dispatchEvent(new Event("input", {bubbles: true}));
		return true;
	})()`, selector, text))
}

// holds waits until an expression of the page is true.
func holds(expression string) action {
	expression = "(() => { try { return " + expression + " } catch { return false } })()" // what it asks for is not drawn yet
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		for {
			if is, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression)); err != nil || is {
				return err
			}
			select {
			case <-time.After(50 * time.Millisecond): // between two looks at the condition
			case <-ctx.Done():
				return fmt.Errorf("%s never held: %w", expression, ctx.Err())
			}
		}
	})
}

func step(t *testing.T, ctx context.Context, name string, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	for i, a := range actions {
		if err := chromedp.Do(ctx, a); err != nil {
			t.Fatalf("%s, action %d: %v", name, i+1, err)
		}
	}
}

const storyCredentials = `
principals:
  operator:
    api_keys: [{sha256: %s}]
    allow: [{actions: [manage, records], streams: ["*"]}]
  viewer:
    api_keys: [{sha256: %s}]
    allow: [{actions: [read], streams: ["*"]}]
`

const (
	goodKeys = "{customer: .customer.id}"
	badKeys  = "{customer: .customer.name | ascii_downcase}"
)

// The whole story in a real browser, with credentials and a real store: a stream is made after its faults are told, a record
// followed to its object, the query broken, the record that failed shown, the query mended, the record replayed. Whoever has
// no right sees no buttons and is refused by the node.
func TestConsoleStory(t *testing.T) {
	t.Parallel() // it mostly waits
	d := s3Destination(t)
	d.server.MakeBucket(t, "copies")
	dir, pictured := t.TempDir(), screens(t)
	masterKey := filepath.Join(dir, "master.key")
	master, err := runHydrant(t.Context(), t, nil, "keys", "master")
	must(t, err)
	must(t, os.WriteFile(masterKey, []byte(master), 0o600))
	operatorKey, operatorHash := auth.NewKey()
	viewerKey, viewerHash := auth.NewKey()
	file := filepath.Join(dir, "credentials.yaml")
	must(t, os.WriteFile(file, fmt.Appendf(nil, storyCredentials, operatorHash, viewerHash), 0o600))
	p := startWith(t, dir, fmt.Sprintf("data_dir: %s/data\ncredentials: %s\nconsole: {write: true}\nstreams: {}\n"+
		"encryption: {key_file: %s}\napi_streams: {role: ignore, endpoint: %q, path_style: true}\n", dir, file, masterKey, d.server.Endpoint), nil, d.environment...)
	ctx := openBrowser(t)

	step(t, ctx, "who may see and make a stream", chromedp.Navigate(p.admin), shows("h1", "This node asks for an API key"),
		shows("#live", "needs an API key"), holds(named), holds(legible), pictures(pictured, "key"),
		fill("#key", "nobody"), shows("[role=alert]", "not known here"),
		fill("#key", viewerKey), shows("main", "There is no stream yet"), shows("#live", "live"), holds(`document.getElementById("create").hidden`),
		fill("#key", operatorKey), holds(`document.getElementById("create")?.hidden === false`), press("#create"), shows("h1", "New stream"))
	step(t, ctx, "faults are told at their fields",
		fill("#name", "or ders"), fill("#bucket", "lake"), fill("#format", "GZIP"), press("#save"), shows("#name-fault", "regular expression pattern"),
		holds(`document.activeElement.id === "name"`),
		fill("#name", "orders"), fill("#prefix", "orders/customer=!{partitionKeyFromQuery:customer}/"), fill("#query", goodKeys),
		press("#save"), shows("#errors-fault", "ErrorOutputPrefix cannot be null"),
		fill("#errors", "errors/!{firehose:error-output-type}/"), press("#save"), shows("#size-fault", "at least 64"),
		fill("#size", "64"), fill("#interval", "60"), fill("#backup", "copies"), fill("#backupPrefix", "copies/!{partitionKeyFromQuery:customer}/"),
		press("#save"), holds(`document.querySelector("[aria-invalid]") !== null`),
		fill("#backupPrefix", "copies/"), fill("#logGroup", "/firehose/orders"), press("#save"), shows("#logGroup-fault", "LogStreamName"),
		fill("#logStream", "delivery"), fill("#encrypt", "nobody"), press("#save"), shows("#encrypt-fault", "eyARN"),
		fill("#encrypt", "node"), fill("#tags", "team=web\nstage=test"), press("#preview"), shows("#places", "orders/customer=ada/orders-"),
		pictures(pictured, "edit"), press("#save"), shows("h1", "orders"))
	step(t, ctx, "a record is delivered",
		fill("#record", `{"customer":{"id":"ada"},"n":1}`), press("#send"), shows("[data-step=durable]", "synced"),
		press("#flush"), shows(".actions", "Sealed: 2 objects with 2 records"), shows("[data-step=sealed]", "by flush"),
		shows("[data-step=delivered]", "orders/customer=ada/"))
	step(t, ctx, "the query is broken, and the record that fails shown",
		press("#edit"), holds(`document.getElementById("query").value === "`+goodKeys+`"`),
		fill("#query", badKeys), press("#save"), shows("h1", "orders"),
		fill("#record", `{"customer":{"id":"grace"},"n":2}`), press("#send"), shows("[data-step=partitioned]", "error output"),
		press("#flush"), shows("[data-step=delivered]", "errors/processing-failed/"),
		shows(".record pre", `"grace"`), shows("main", "Records fail"), shows("main", "DynamicPartitioning.MetadataExtractionFailed"),
		pictures(pictured, "failed"))
	step(t, ctx, "tags and encryption change, and nothing else",
		press("#edit"), holds(`document.getElementById("tags").value === "stage=test\nteam=web"`),
		holds(`document.getElementById("backup").value === "copies" && document.getElementById("backupPrefix").value === "copies/"`),
		holds(`document.getElementById("logGroup").value === "/firehose/orders" && document.getElementById("encrypt").value === "node"`),
		fill("#tags", "team=data"), fill("#encrypt", ""), fill("#backup", ""), press("#save"), shows("#backup-fault", "can't update the Firehose stream to disable it"),
		fill("#backup", "copies"), press("#save"), shows("h1", "orders"),
		press("#edit"), holds(`document.getElementById("tags").value === "team=data" && document.getElementById("encrypt").value === ""`),
		press("#save"), shows("h1", "orders"), shows("h1", "idle"))
	step(t, ctx, "it is mended, and the record replayed",
		press("#edit"), holds(`document.getElementById("query").value === "`+badKeys+`"`),
		fill("#query", goodKeys), press("#save"), shows("h1", "orders"),
		holds(`document.querySelector("h1 .badge") !== null && !document.querySelector("main").textContent.includes("Records fail")`), press("#plan"), shows("main", "1 record in 1 object of error output"),
		fill("#earlier", "elsewhere/"), press("#plan"), shows("main", "keeps nothing that was not replayed before"),
		fill("#earlier", "errors/"), press("#plan"), shows("main", "1 record in 1 object of error output"), shows("#replay", "Replay 1 record"),
		pictures(pictured, "plan"), press("#replay"), shows("#replayed", "Over: 1 record sent"), press("#flush"),
		shows(".actions", "Sealed: 2 objects"), shows("main", "orders/customer=grace/"), press("#plan"),
		shows("main", "keeps nothing that was not replayed before"), pictures(pictured, "replayed"))
	step(t, ctx, "whoever may only look sees no buttons",
		fill("#key", ""), shows("h1", "This node asks for an API key"), holds(`!document.querySelector("main").textContent.includes("orders/")`),
		fill("#key", viewerKey), shows("h1", "orders"), shows("main", `takes an API key with the right "records"`), shows("main", "orders/customer=grace/"),
		holds(`["send", "flush", "edit", "plan", "replay"].every(id => document.getElementById(id).hidden)`))
	p.refusedTo(t, viewerKey)
	if copies := find(t, filepath.Join(d.server.Dir, "copies"), "/orders-"); len(copies) == 0 {
		t.Error("the backup holds nothing")
	}
	p.delivered()
	found := map[string]int{}
	for key, content := range files(t, d.objects) {
		if strings.HasPrefix(key, "orders/") {
			found[strings.TrimSpace(content)]++
		}
	}
	if want := map[string]int{`{"customer":{"id":"ada"},"n":1}`: 1, `{"customer":{"id":"grace"},"n":2}`: 1}; fmt.Sprint(found) != fmt.Sprint(want) {
		t.Errorf("delivered are %v, want %v", found, want)
	}
	p.stop()
}

// refusedTo wants the node itself to refuse all that the page has buttons for.
func (p *process) refusedTo(t *testing.T, key string) {
	t.Helper()
	for _, path := range []string{
		"streams/orders/send", "streams/orders/flush", "streams/orders/replay/plan", "streams/orders/replay/start", "streams/orders/replay/stop",
		"call/CreateDeliveryStream", "call/UpdateDestination", "call/TagDeliveryStream", "call/UntagDeliveryStream",
		"call/StartDeliveryStreamEncryption", "call/StopDeliveryStreamEncryption", "draft/UpdateDestination",
	} {
		body := `{"DeliveryStreamName":"orders","CurrentDeliveryStreamVersionId":"1","DestinationId":"destinationId-000000000001",` +
			`"Tags":[{"Key":"a"}],"TagKeys":["a"],"ExtendedS3DestinationUpdate":{"Prefix":"p/"},"ExtendedS3DestinationConfiguration":{"RoleARN":"arn:aws:iam::000000000000:role/a","BucketARN":"arn:aws:s3:::lake"}}`
		if strings.HasPrefix(path, "draft/") {
			body = `{"record":"{}","input":` + body + `}`
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.admin+"/console/"+path, strings.NewReader(body))
		must(t, err)
		request.Header.Set("X-Hydrant-Console", "1")
		request.Header.Set("Authorization", "Bearer "+key)
		answer, err := http.DefaultClient.Do(request)
		must(t, err)
		text, err := io.ReadAll(answer.Body)
		must(t, errors.Join(err, answer.Body.Close()))
		if answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(string(text), "do not allow") {
			t.Errorf("%s: %d %s", path, answer.StatusCode, text)
		}
	}
}

// Five faults: the page alone says why a stream does not deliver.
func TestConsoleTellsWhy(t *testing.T) {
	t.Parallel() // it mostly waits
	d := s3Destination(t)
	v := newVolume(t, 300<<20)
	dir := t.TempDir()
	slow := deliverytest.StartProxy(t, d.server.Endpoint)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) }) // or the proxy's end would wait
	slow.Spoil(s3fault.Puts, 1, -1, func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
		<-release
		forward(w, r)
	})
	wrong := filepath.Join(dir, "aws")
	must(t, os.WriteFile(wrong, []byte("[wrong]\naws_access_key_id = "+d.server.AccessKey+"\naws_secret_access_key = not-the-secret\n"), 0o600))
	s3 := func(replace ...string) string { return strings.NewReplacer(replace...).Replace(d.yaml) }
	config := fmt.Sprintf(`
data_dir: %s/data
buffer: {max_disk: 1GiB}
streams:
  wrong: {buffering: {interval: 1s}, destination: {%s}}
  missing: {buffering: {interval: 1s}, destination: {%s}}
  slow: {buffering: {interval: 1s}, destination: {%s}}
  query:
    buffering: {interval: 1s}
    prefix: "customer=!{partitionKeyFromQuery:customer}/"
    error_prefix: "errors/!{firehose:error-output-type}/"
    partition_keys: {customer: .customer | ascii_downcase}
    destination: {%s}
`, v.dir, s3("path_style: true", "path_style: true, profile: wrong"), s3("bucket: lake", "bucket: no-such-bucket"),
		s3(d.server.Endpoint, slow.URL), d.yaml)
	p := startWith(t, dir, config, []string{"--grace", "1s"}, append(d.environment, "AWS_SHARED_CREDENTIALS_FILE="+wrong)...)
	ctx := openBrowser(t)
	for _, fault := range []struct{ stream, state, kind, why string }{
		{"wrong", "not delivering", "Not delivering", "SignatureDoesNotMatch"},
		{"missing", "not delivering", "Not delivering", "NoSuchBucket"},
		{"slow", "slow", "Slow", "has been under way for"},
		{"query", "", "Records fail", "ascii_downcase"},
	} {
		p.post(fault.stream, "application/json", `{"customer":7}`)
		step(t, ctx, fault.stream, chromedp.Navigate("about:blank"), chromedp.Navigate(p.admin),
			shows("tr[data-stream="+fault.stream+"]", fault.state), shows("tr[data-stream="+fault.stream+"] + tr", fault.kind),
			shows("tr[data-stream="+fault.stream+"] + tr", fault.why),
			press("tr[data-stream="+fault.stream+"] a"), shows("h1", fault.stream), shows("main", fault.kind), shows("main", fault.why))
	}
	filler := v.fill()
	p.eventually("not ready", func() bool { return p.readiness() == http.StatusServiceUnavailable })
	step(t, ctx, "disk full", shows("main", "The node is not ready, buffer"), shows("main", "bytes free"),
		chromedp.Navigate("about:blank"), chromedp.Navigate(p.admin), shows("#live", "not ready"), shows("main", "bytes free"))
	filler.remove()
	p.stop()
}

// Everything of a form has a name, what moves can be made still, and the keyboard reaches what the mouse does.
func TestConsoleForEverybody(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	p := startIn(t, dir, fmt.Sprintf("data_dir: %[1]s/data\nconsole: {write: true}\napi_streams: {directory: %[1]s/buckets}\nstreams:\n  clicks:\n    destination: {directory: {path: %[1]s/objects}}\n", dir))
	ctx := openBrowser(t)
	for _, scheme := range []string{"light", "dark"} {
		step(t, ctx, scheme, still(scheme), chromedp.EmulateViewport(390, 844))
		for path, ready := range map[string]string{"#/": "clicks", "#/streams/clicks": "Flush now", "#/new": "Create", "#/node": "The node is ready"} {
			step(t, ctx, scheme+" "+path, chromedp.Navigate("about:blank"), chromedp.Navigate(p.admin+"/"+path), shows("main", ready),
				shows("#live", "live"), holds(named), holds(legible), holds(`document.getAnimations().length === 0`))
		}
	}
	step(t, ctx, "keyboard", chromedp.Navigate("about:blank"), chromedp.Navigate(p.admin+"/#/new"), holds(`document.getElementById("save")?.hidden === false`),
		fill("#name", "typed"), fill("#bucket", "lake"), chromedp.SendKeys("#bucket", "\r"), shows("h1", "typed"))
	p.stop()
}

// still asks for colours, and for nothing that moves.
func still(scheme string) action {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-reduced-motion", Value: "reduce"}, {Name: "prefers-color-scheme", Value: scheme},
		}})
		return err
	})
}

// named holds where every control that is shown has a name, and every page one heading of the first level.
const named = `document.querySelectorAll("h1").length === 1 &&
	[...document.querySelectorAll("input, textarea, select, button, a")].filter(e => e.checkVisibility()).every(e =>
		e.labels?.length || e.getAttribute("aria-label") || e.textContent.trim() || e.querySelector("img[alt]:not([alt=''])"))`

// legible holds where the text that is shown stands out from what is behind it as WCAG asks, 4.5 to 1.
const legible = `(() => {
	const rgb = text => (text.match(/[\d.]+/g) ?? []).map(Number);
	const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
	const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
	const words = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
	for (let n; (n = words.nextNode());) {
		const e = n.parentElement;
		if (!n.data.trim() || !e.checkVisibility() || e.closest(":disabled")) continue;
		const [a, b] = [light(rgb(getComputedStyle(e).color).slice(0, 3)), light(behind(e))];
		if ((Math.max(a, b) + .05) / (Math.min(a, b) + .05) < 4.5) return false;
	}
	return true;
})()`
