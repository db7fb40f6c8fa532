package keyring

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"hydrant/buffer"
	"hydrant/buffer/checked"
)

// Whatever the file of wrapped keys says, the ring opens, and a key that it makes is new, and there after a restart; or the
// reason is told.
func FuzzRing(f *testing.F) {
	master := KeyFile(filepath.Join(f.TempDir(), "master"))
	if err := os.WriteFile(string(master), []byte(NewMasterKey()), 0o600); err != nil {
		f.Fatal(err)
	}
	_, wrapped, err := master.New(f.Context(), 1)
	if err != nil {
		f.Fatal(err)
	}
	good, err := json.Marshal(file{Format: fileFormat, Writes: 1, Last: 1, Keys: []wrappedKey{{ID: 1, Master: "m", Wrapped: wrapped}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	for _, text := range []string{
		"{}", "null", "[]", `{"format":2}`, `{"format":1,"writes":1}`, `{"format":1,"writes":18446744073709551615}`,
		`{"format":1,"writes":18446744073709551614}`, `{"format":1,"writes":18446744073709551613}`,
		`{"format":1,"writes":1,"last":4294967295}`, `{"format":1,"writes":1,"last":1,"keys":[{"id":2,"wrapped":"AQ=="},{"id":2}]}`,
		`{"format":1,"writes":1,"keys":[{"id":0,"wrapped":"AQ=="},{"id":4294967295}]}`, `{"format":1,"writes":1,"keys":[{"id":-1}]}`,
	} {
		f.Add([]byte(text))
	}
	masters := func(string) (Master, error) { return master, nil }
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return // FuzzRead has what is no JSON
		}
		dir := t.TempDir()
		if err := checked.Write(filepath.Join(dir, fileName), json.RawMessage(data)); err != nil {
			t.Fatal(err)
		}
		open := func() *Ring {
			r := New(Config{Dir: dir, Masters: masters, Log: slog.New(slog.DiscardHandler)})
			r.Open(t.Context())
			return r
		}
		r := open()
		var named file
		_ = json.Unmarshal(data, &named) // what the ring could not read it has told
		id, err := r.Make(t.Context(), "m", 0)
		if known := (*buffer.DataKeyError)(nil); err != nil && !errors.As(err, &known) {
			t.Fatalf("%q: %v", data, err)
		}
		if err != nil {
			return
		}
		for _, k := range named.Keys {
			if id <= k.ID {
				t.Fatalf("%q: the key made is %d", data, id)
			}
		}
		if id <= named.Last {
			t.Fatalf("%q: the key made is %d", data, id)
		}
		if _, err := open().Key(id); err != nil {
			t.Fatalf("%q: after a restart: %v", data, err)
		}
	})
}

// A file of master keys serves, or says what is wrong and on which line.
func FuzzKeyFile(f *testing.F) {
	for _, text := range []string{"", "\n\n# nothing\n", NewMasterKey(), "x", NewMasterKey() + "\r\n" + NewMasterKey(), "\xff", "00"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		master := KeyFile(filepath.Join(t.TempDir(), "master"))
		if err := os.WriteFile(string(master), text, 0o600); err != nil {
			t.Fatal(err)
		}
		secret, wrapped, err := master.New(t.Context(), 7)
		if known := (*buffer.DataKeyError)(nil); err != nil {
			if !errors.As(err, &known) || known.Reason == "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if again, rewrapped, err := master.Open(t.Context(), 7, wrapped); err != nil || rewrapped != nil || string(again) != string(secret) {
			t.Errorf("%q: what it wrapped does not open: %v", text, err)
		}
	})
}
