package replay

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Whatever lies in a file of marks, it is taken up or refused, and taken up again as it was left.
func FuzzJournal(f *testing.F) {
	for _, text := range []string{
		"", "{", "{}\n", `{"stream":"s"}` + "\n", `{"stream":"other"}` + "\n", `{"stream":"s"}` + "\n" + `{"version":1`,
		`{"stream":"s"}` + "\n" + `{"version":1,"object":{"key":"k","size":3},"form":"lines","left":[{"from":2,"to":9}],"sending":{"from":2,"to":4},"refused":[{"from":0,"to":1}],"sent":1}` + "\n",
		`{"stream":"s"}` + "\n" + `{"left":[{"from":9,"to":2},{"from":-1,"to":9223372036854775807}]}` + "\n",
	} {
		f.Add([]byte(text), int64(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, at int64) {
		path := filepath.Join(t.TempDir(), "marks")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := openJournal(path, "s")
		if err != nil {
			return
		}
		kept := len(j.last)
		for _, m := range j.last {
			_ = m.fits(m.Object, m.Form)
			m.begin()
			m.intend(span{at, at + 1}, time.Unix(0, 0))
			m.refused(span{at, at + 1})
			if _, err := j.save(t.Context(), m, ""); err != nil {
				t.Fatal(err)
			}
			break
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
		again, err := openJournal(path, "s")
		if err != nil {
			t.Fatalf("what was taken up once is refused: %v", err)
		}
		if len(again.last) != kept {
			t.Errorf("%d marks became %d", kept, len(again.last))
		}
		if err := again.close(); err != nil {
			t.Fatal(err)
		}
	})
}
