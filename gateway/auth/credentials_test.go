package auth

import (
	"slices"
	"strings"
	"testing"
)

func TestPolicies(t *testing.T) {
	for _, x := range []struct {
		name    string
		rules   []Rule
		allowed []string // action stream
	}{
		{"nothing", nil, nil},
		{"everything", []Rule{{[]string{"*"}, []string{"*"}}}, []string{
			"PutRecord clicks", "PutRecordBatch clicks", "records clicks", "other clicks",
			"PutRecord web-1", "PutRecordBatch web-1", "records web-1", "other web-1",
		}},
		{"put", []Rule{{[]string{Put}, []string{"clicks"}}}, []string{"PutRecord clicks", "PutRecordBatch clicks", "records clicks"}},
		{"one action", []Rule{{[]string{PutRecord}, []string{"web-*"}}}, []string{"PutRecord web-1"}},
		{"two rules do not mix", []Rule{{[]string{PutRecord}, []string{"web-*"}}, {[]string{Records}, []string{"c*ks"}}}, []string{
			"records clicks", "PutRecord web-1",
		}},
		{"names are whole", []Rule{{[]string{Put}, []string{"click", "web", "lick*", "*-"}}}, nil},
		{"case counts", []Rule{{[]string{Put}, []string{"Clicks"}}}, nil},
	} {
		p := &Principal{rules: x.rules}
		var got []string
		for _, stream := range []string{"clicks", "web-1"} {
			for _, action := range []string{PutRecord, PutRecordBatch, Records, "other"} {
				if p.may(action, stream) {
					got = append(got, action+" "+stream)
				}
			}
		}
		if !slices.Equal(got, x.allowed) {
			t.Errorf("%s: allows %q, want %q", x.name, got, x.allowed)
		}
	}
}

func TestFaultsOfCredentials(t *testing.T) {
	const secret = "a secret that no message may quote"
	hash := strings.Repeat("0f", 32)
	_, faults := New(Config{Principals: map[string]PrincipalConfig{
		"a b": {},
		"p": {
			AccessKeys:   []AccessKey{{ID: "K", Secret: secret}, {ID: "K", Secret: secret}, {ID: "a/b", Secret: secret}, {ID: "S", Secret: "short"}},
			APIKeys:      []KeyHash{{SHA256: hash}, {SHA256: hash}, {SHA256: secret}, {SHA256: strings.ToUpper(hash)}},
			Certificates: []string{"a.internal", "a.internal", "*.internal", ""},
			Allow: []Rule{
				{Actions: []string{"put"}},
				{Streams: []string{"s"}},
				{Actions: []string{"delete"}, Streams: []string{"s", "s?", "", "a/b", "[a]"}},
			},
		},
	}})
	var paths []string
	for _, f := range faults {
		paths = append(paths, f.Path)
		if strings.Contains(f.Message, secret) {
			t.Errorf("%s quotes a secret: %s", f.Path, f.Message)
		}
	}
	want := []string{
		"principals.a b",
		"principals.p.access_keys.1.id", "principals.p.access_keys.2.id", "principals.p.access_keys.3.secret",
		"principals.p.api_keys.1.sha256", "principals.p.api_keys.2.sha256", "principals.p.api_keys.3.sha256",
		"principals.p.certificates.1", "principals.p.certificates.2", "principals.p.certificates.3",
		"principals.p.allow.0", "principals.p.allow.1",
		"principals.p.allow.2.actions.0", "principals.p.allow.2.streams.1", "principals.p.allow.2.streams.2",
		"principals.p.allow.2.streams.3", "principals.p.allow.2.streams.4",
	}
	if !slices.Equal(paths, want) {
		t.Errorf("got faults at\n%q, want\n%q", paths, want)
	}
	if _, faults := New(Config{}); len(faults) != 1 {
		t.Errorf("without principals: got %v, want one fault", faults)
	}
}

// However many regions a request names, the memory of signing keys is bounded, and what it says does not change.
func TestSigningKeysAreBounded(t *testing.T) {
	var keys signingKeys
	key := &accessKey{secret: testSecret}
	for i := range 3 * maxSigningKeys {
		region := strings.Repeat("r", 1+i%7) + string(rune('a'+i%26)) + strings.Repeat("x", i/26)
		for range 2 {
			if keys.derive(key, "20261123", region) != signingKey(testSecret, "20261123", region, service) {
				t.Fatal("another key than the one derived afresh")
			}
		}
		if len(keys.keys) > maxSigningKeys {
			t.Fatalf("%d keys are remembered, want at most %d", len(keys.keys), maxSigningKeys)
		}
	}
}

// What is asked of every call of the Firehose API before its body is read costs no allocation.
func TestSomeRightDoesNotAllocate(t *testing.T) {
	s := &Session{principal: &Principal{rules: []Rule{
		{Actions: []string{Manage}, Streams: []string{"a"}}, {Actions: []string{Records, Put}, Streams: []string{"b"}},
	}}}
	for action, want := range map[string]bool{PutRecordBatch: true, "CreateDeliveryStream": true, "other": false} {
		if got := s.MaySome(action) == nil; got != want {
			t.Errorf("%s: got %v, want %v", action, got, want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { _ = s.MaySome(PutRecordBatch) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
