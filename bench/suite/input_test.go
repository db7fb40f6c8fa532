package suite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/klauspost/compress/s2"
)

// What is compared with others' figures must compress as theirs does: records as they are sent, gzip level 1.
func TestInputsCompressAsTheySay(t *testing.T) {
	compress, err := newCompressor("gzip")
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range inputs {
		var sent []byte
		records := bytes.Split(bytes.TrimSpace(in.generate(1<<20)), []byte("\n"))
		for i, record := range records {
			if !json.Valid(record) {
				t.Fatalf("%s: %.200q is no JSON", in.name, record)
			}
			sent = fmt.Appendf(sent, `{"run":"6f1c0a2b3c4d5e6f","producer":%d,"n":%d,"key":"k07","data":%s,"sum":"%016x"}`+"\n", i%8, i, record, uint64(i)*0x9e3779b97f4a7c15)
		}
		if size := len(sent)/len(records) - 1; size < in.size*95/100 || size > in.size*105/100 {
			t.Errorf("%s: records of %d bytes, want about %d", in.name, size, in.size)
		}
		compressed, err := compress(sent)
		if err != nil {
			t.Fatal(err)
		}
		ratio := float64(len(sent)) / float64(len(compressed))
		fast := float64(len(sent)) / float64(len(s2.Encode(nil, sent)))
		if !in.random && (ratio < 3.7 || ratio > 4.4) {
			t.Errorf("%s: gzip 1 makes it %.2f times smaller, want about 4", in.name, ratio)
		}
		if in.random && fast > 1.1 {
			t.Errorf("%s: s2 makes it %.2f times smaller, want next to nothing", in.name, fast)
		}
		t.Logf("%s: gzip 1 %.2f, s2 %.2f", in.name, ratio, fast)
	}
}
