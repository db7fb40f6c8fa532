//go:build integration

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// screens are where the pictures go: a directory that is kept if HYDRANT_TEST_SCREENS names it.
func screens(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("HYDRANT_TEST_SCREENS"); dir != "" {
		return dir
	}
	return t.TempDir()
}

// openBrowser starts a real browser for the test.
func openBrowser(t *testing.T) context.Context {
	t.Helper()
	const patience = 15 * time.Minute // of a whole test, with a machine that is busy with others
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // starts it
		t.Fatal("the test needs chromium:", err)
	}
	ctx, cancel = context.WithTimeout(ctx, patience)
	t.Cleanup(cancel)
	return ctx
}

type action = chromedp.Action[chromedp.Void]

// pictures takes a page in all the looks it has, and fails where it is wider than the screen.
func pictures(dir, name string) action {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		for _, scheme := range []string{"light", "dark"} {
			for device, size := range map[string][2]int64{"desktop": {1280, 900}, "phone": {390, 844}} {
				look := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
				if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, look); err != nil {
					return err
				}
				if err := chromedp.Do(ctx, chromedp.EmulateViewport(size[0], size[1])); err != nil {
					return err
				}
				beyond, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - innerWidth`))
				if err != nil {
					return err
				}
				if beyond > 0 {
					return fmt.Errorf("%s on a %s is %d pixels wider than the screen", name, device, beyond)
				}
				picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
				if err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%s-%s.png", name, scheme, device)), picture, 0o644); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// shows waits until an element shows a text.
func shows(selector, text string) action {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		expression := fmt.Sprintf(`document.querySelector(%q)?.textContent ?? ""`, selector)
		for {
			shown, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression))
			if err != nil {
				return fmt.Errorf("%s never showed %q: %w", selector, text, err)
			}
			if strings.Contains(shown, text) {
				return nil
			}
			select {
			case <-time.After(50 * time.Millisecond): // between two looks at the condition
			case <-ctx.Done():
				return fmt.Errorf("%s shows %q, not %q: %w", selector, shown, text, ctx.Err())
			}
		}
	})
}

// press clicks on an element as a person does, who clicks again where the page has moved from under the pointer.
func press(selector string) action {
	watch := holds(fmt.Sprintf(`(() => {
		const pressed = document.querySelector(%q);
		if (!pressed) return false;
		window.pressed = false;
		pressed.addEventListener("click", () => { window.pressed = true; }, {once: true, capture: true});
		return true;
	})()`, selector))
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		for {
			err := chromedp.Do(ctx, watch, chromedp.Click(selector))
			if was, asked := chromedp.Run(ctx, chromedp.Evaluate[bool]("window.pressed === true")); asked == nil && was {
				return nil
			}
			if ctx.Err() != nil {
				return fmt.Errorf("%s never felt a click: %w", selector, errors.Join(err, ctx.Err()))
			}
		}
	})
}

// A real browser: a stream that delivers, one that does not and why, a test record on its way, a record that failed.
func TestConsole(t *testing.T) {
	t.Parallel() // it mostly waits
	d := s3Destination(t)
	dir, pictured := t.TempDir(), screens(t)
	config := fmt.Sprintf(`
node: edge-1
data_dir: %s/data
buffer: {max_disk: 1GiB}
console: {write: true}
streams:
  good:
    buffering: {size: 1MiB, interval: 2s}
    validate: json
    prefix: "good/customer=!{partitionKeyFromQuery:customer}/"
    error_prefix: "errors/!{firehose:error-output-type}/"
    partition_keys: {customer: .customer}
    destination: {directory: {path: %s/objects}}
  lost:
    buffering: {size: 1MiB, interval: 1s}
    destination:
      %s
`, dir, dir, strings.Replace(d.yaml, "bucket: lake", "bucket: no-such-bucket", 1))
	p := startWith(t, dir, config, []string{"--grace", "1s"}, d.environment...)
	p.post("lost", "application/json", `{"n":1}`)
	ctx := openBrowser(t)
	err := chromedp.Do(ctx,
		chromedp.Navigate(p.admin),
		shows("tr[data-stream=good]", "idle"),
		shows("tr[data-stream=lost]", "not delivering"),
		shows("tr[data-stream=lost] + tr", "NoSuchBucket"),
		shows("#live", "live"))
	if err != nil {
		t.Fatal(err)
	}
	p.post("good", "application/json", `[{"customer":"a"},{"customer":"b"},{"customer":"c"}]`)
	p.eventually("delivered", func() bool { return p.series(`hydrant_delivered_records_total{stream="good"}`) == 3 })
	if err := chromedp.Do(ctx,
		pictures(pictured, "overview"),
		press(`tr[data-stream=lost] a`),
		shows("h1", "not delivering"),
		shows("main", "NoSuchBucket"),
		pictures(pictured, "lost"),
		press(`.brand`),
		press(`tr[data-stream=good] a`),
		shows("h1", "good"),
		fill("#record", `{"customer": "<b>ada</b>"}`),
		press("#try"),
		shows("main", "good/customer="),
		press("#send"),
		shows("[data-step=durable]", "synced"),
		shows("[data-step=sealed]", "by interval"),
		shows("[data-step=delivered]", "good/customer="),
		shows("main", "The record's way is complete."),
		fill("#record", `{"name": "<img src=x onerror=document.title='hacked'>"}`),
		press("#send"),
		shows("[data-step=partitioned]", "error output"),
		shows("[data-step=delivered]", "errors/"),
		shows(".record pre", "<img src=x"),
		pictures(pictured, "stream"),
		chromedp.Navigate(p.admin+"/#/node"),
		shows("main pre", "no-such-bucket"),
		pictures(pictured, "node"),
	); err != nil {
		t.Fatal(err)
	}
	p.stop() // the page looks on
}
