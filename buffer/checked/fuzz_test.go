package checked

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// What is read is what was written: anything else is an error.
func FuzzRead(f *testing.F) {
	for _, text := range []string{"", "\n", "{}", "{}\ncrc32c:00000000\n", `{"a":1}` + "\ncrc32c:zz\n"} {
		f.Add([]byte(text))
	}
	f.Add(append([]byte(`{"a":1}`), checksumLine([]byte(`{"a":1}`))...))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		var v any
		if err := Read(path, &v); err != nil {
			return
		}
		if err := Write(path, v); err != nil {
			t.Fatal(err)
		}
		var again any
		if err := Read(path, &again); err != nil {
			t.Fatal(err)
		}
		a, _ := json.Marshal(v)
		b, _ := json.Marshal(again)
		if string(a) != string(b) {
			t.Errorf("%s became %s", a, b)
		}
	})
}
