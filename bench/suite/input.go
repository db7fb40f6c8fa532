package suite

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"time"
)

// input is a file of records to send, NDJSON. The generator puts some 110 bytes around each, which say who it is; sizes are
// those of the records as sent, on average.
type input struct {
	name   string
	size   int
	random bool // nothing in it repeats
}

// The inputs. Logs compress about 4:1 under gzip 1, as published comparisons have them. Random records are base64, in which
// s2 and snappy find nothing.
var (
	lines1K  = input{name: "lines-1k.ndjson", size: 1024}
	lines512 = input{name: "lines-512.ndjson", size: 512}
	random1K = input{name: "random-1k.ndjson", size: 1024, random: true}

	inputs = []input{lines1K, lines512, random1K}
)

// envelope is what the generator puts around a record, in bytes.
const envelope = 112

// generate writes records of about so many bytes in all, always the same.
func (in input) generate(bytes int) []byte {
	w := &logWriter{random: rand.New(rand.NewPCG(1, uint64(in.size))), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	var out []byte
	for len(out) < bytes {
		if in.random {
			out = w.appendRandom(out, in.size-envelope)
		} else {
			out = w.appendEvent(out, in.size-envelope)
		}
		out = append(out, '\n')
	}
	return out
}

// logWriter makes up the access log of a shop.
type logWriter struct {
	random *rand.Rand
	now    time.Time
}

// appendRandom writes a JSON string of random letters.
func (w *logWriter) appendRandom(dst []byte, size int) []byte {
	raw := make([]byte, (size-2)*3/4)
	for i := range raw {
		raw[i] = byte(w.random.Uint32())
	}
	return fmt.Appendf(dst, `"%s"`, base64.RawStdEncoding.EncodeToString(raw))
}

func pick[T any](w *logWriter, from []T) T {
	// Squared, the first are frequent and the last are rare, as in any log.
	x := w.random.Float64()
	return from[int(x*x*float64(len(from)))]
}

// appendEvent writes one event of about size bytes. What is between its fixed fields and its size are events of the same
// request, as traces have them.
func (w *logWriter) appendEvent(dst []byte, size int) []byte {
	start, r := len(dst), w.random
	w.now = w.now.Add(time.Duration(r.IntN(40)) * time.Millisecond)
	resource, status := pick(w, resources), pick(w, statuses)
	dst = fmt.Appendf(dst, `{"time":"%s","level":"%s","service":"%s","host":"%s-%02d.%s","method":"%s","path":"/api/v2/%s/%d","status":%d,`+
		`"duration_ms":%d.%03d,"bytes":%d,"client":"10.%d.%d.%d","trace":"%016x%016x","session":"%016x%08x","user":"%016x%016x","request":"%016x","agent":"%s"`,
		w.now.Format("2006-01-02T15:04:05.000Z07:00"), pick(w, levels), pick(w, services), pick(w, services), r.IntN(24), pick(w, regions),
		pick(w, methods), resource, r.IntN(90_000), status, r.IntN(400), r.IntN(1000), r.IntN(60_000),
		r.IntN(4), r.IntN(256), r.IntN(256), r.Uint64(), r.Uint64(), r.Uint64(), r.Uint32(),
		r.Uint64(), r.Uint64(), r.Uint64(), pick(w, agents))
	dst = append(dst, `,"steps":[`...)
	for i := 0; len(dst)-start < size-70+r.IntN(40); i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = fmt.Appendf(dst, `{"at":"%s","span":"%016x","took_us":%d,"message":"%s %s %d"}`,
			pick(w, services), r.Uint64(), r.IntN(20_000), pick(w, messages), resource, r.IntN(100_000))
	}
	return append(dst, `]}`...)
}

var (
	levels    = []string{"info", "info", "debug", "warn", "error"}
	services  = []string{"checkout", "catalogue", "basket", "accounts", "search", "payments", "shipping", "recommend", "inventory", "frontend"}
	regions   = []string{"eu-central-1", "us-east-1", "eu-west-1", "ap-south-1"}
	methods   = []string{"GET", "GET", "POST", "PUT", "DELETE"}
	resources = []string{"products", "orders", "customers", "baskets", "reviews", "prices", "stock", "addresses", "vouchers", "returns", "invoices", "sessions"}
	statuses  = []int{200, 200, 200, 201, 204, 304, 400, 401, 404, 429, 500, 503}
	agents    = []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) Mobile/15E148",
		"Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Firefox/127.0",
		"shop-app/5.12.3 (Android 14; Pixel 8)",
		"python-requests/2.32.3",
		"Go-http-client/2.0",
	}
	messages = []string{
		"read from the cache:", "missed in the cache:", "selected from the database:", "wrote to the database:", "validated the request for",
		"called the upstream service for", "retried after a timeout:", "rendered the response for", "published an event about", "checked the permissions on",
	}
)
