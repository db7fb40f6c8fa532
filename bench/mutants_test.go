package bench

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestMutants: the untouched bed is good, and each change turns the verdict exactly as documented.
func TestMutants(t *testing.T) {
	const first, inFirst = "data/key=k0/object-0", 21 // uncompressed; object-1 is compressed
	for _, c := range []struct {
		name   string
		mutate func(b *bed)
		store  func(m memory) // changes the stored bytes
		want   map[string]int64
		check  func(v *Verdict) bool
	}{
		{name: "nothing changed"},
		{
			name: "a record dropped", want: map[string]int64{Lost: 1},
			mutate: func(b *bed) { o, at := b.find(50); o.lines = slices.Delete(o.lines, at, at+1) },
		},
		{
			name: "a record doubled in its object", want: map[string]int64{Doubled: 1},
			mutate: func(b *bed) { o, at := b.find(50); o.lines = append(o.lines, o.lines[at]) },
		},
		{
			name: "a record three times, in another object too", want: map[string]int64{Doubled: 2},
			mutate: func(b *bed) {
				r := b.records[0][50]
				b.put(keyOf(r, 1), r)
				b.put("data/"+strings.Split(keyOf(r, 0), "/")[1]+"/new-0", r)
			},
		},
		{
			name: "an object doubled", want: map[string]int64{Doubled: inFirst},
			mutate: func(b *bed) {
				b.objects["data/key=k0/copy"] = b.objects[first]
				b.objects["data/key=k0/copy"].lines = slices.Clip(b.objects[first].lines)
			},
		},
		{
			name: "an object missing", want: map[string]int64{Lost: inFirst},
			mutate: func(b *bed) { delete(b.objects, first) },
		},
		{
			name: "a byte of a pad changed", want: map[string]int64{Changed: 1, Lost: 1},
			mutate: func(b *bed) { o, at := b.find(50); o.lines[at] = strings.Replace(o.lines[at], " ", "_", 1) },
		},
		{
			name: "a byte of the form changed", want: map[string]int64{Changed: 1, Lost: 1},
			mutate: func(b *bed) {
				o, at := b.find(50)
				o.lines[at] = strings.Replace(o.lines[at], "producer", "Producer", 1)
			},
		},
		{
			name: "the name of the run changed", want: map[string]int64{Changed: 1, Lost: 1},
			mutate: func(b *bed) { o, at := b.find(50); o.lines[at] = strings.Replace(o.lines[at], testRun, otherRun, 1) },
		},
		{
			name: "two records run together", want: map[string]int64{Changed: 1, Lost: 2},
			mutate: func(b *bed) {
				o, at := b.find(50)
				next := (at + 1) % len(o.lines)
				o.lines[at] += o.lines[next]
				o.lines = slices.Delete(o.lines, next, next+1)
			},
			check: func(v *Verdict) bool { return v.Found == 139 },
		},
		{
			name: "a record of unknown outcome absent", check: func(v *Verdict) bool { return v.UnknownFound == 0 },
			mutate: func(b *bed) {
				for _, o := range b.objects {
					o.lines = slices.DeleteFunc(o.lines, func(l string) bool { return l == b.records[1][45] })
				}
			},
		},
		{
			name: "another record of unknown outcome present", check: func(v *Verdict) bool { return v.UnknownFound == 2 },
			mutate: func(b *bed) { b.put(keyOf(b.records[1][49], 0), b.records[1][49]) },
		},
		{
			name: "a record under way at the end present", check: func(v *Verdict) bool { return v.UnknownFound == 2 },
			mutate: func(b *bed) { b.put(keyOf(b.records[0][109], 0), b.records[0][109]) },
		},
		{
			name: "a record that was never sent", want: map[string]int64{Unsent: 1},
			mutate: func(b *bed) { b.put(keyOf(b.records[0][110], 0), b.records[0][110]) },
		},
		{
			name: "a record of a producer that there is not", want: map[string]int64{Unsent: 1},
			mutate: func(b *bed) {
				r := string(newAuthor(testRun, 2, plain(recordSize, []string{"k0"})).append(nil, 0))
				b.put(keyOf(r, 0), r)
			},
		},
		{
			name: "a record of unknown outcome twice", want: map[string]int64{Doubled: 1},
			mutate: func(b *bed) { b.put(keyOf(b.records[1][45], 0), b.records[1][45]) },
		},
		{
			name: "a refused record present", want: map[string]int64{RefusedFound: 1},
			mutate: func(b *bed) { b.put(keyOf(b.records[1][44], 0), b.records[1][44]) },
		},
		{
			name: "a record misplaced", want: map[string]int64{Misplaced: 1},
			mutate: func(b *bed) {
				o, at := b.find(50)
				r := o.lines[at]
				o.lines = slices.Delete(o.lines, at, at+1)
				for _, other := range []string{"data/key=k0/object-0", "data/key=k1/object-0"} {
					if !strings.HasPrefix(keyOf(r, 0), other) {
						b.put(other, r)
						return
					}
				}
			},
		},
		{
			name: "an object without its segment", want: map[string]int64{Misplaced: inFirst},
			mutate: func(b *bed) { b.objects["data/key=k0"] = b.objects[first]; delete(b.objects, first) },
		},
		{
			name: "lines of others", check: func(v *Verdict) bool { return v.Foreign == 4 },
			mutate: func(b *bed) {
				b.put(first, `{"run":"abc"}`)
				b.put(first, "")
				b.put(first, "hello")
				b.put(first, string(newAuthor(otherRun, 0, plain(recordSize, keyNames(1))).append(nil, 0)))
			},
		},
		{
			name: "a record in the error output", check: func(v *Verdict) bool { return v.ErrorOutput == 1 && v.Found == 141 },
			mutate: func(b *bed) {
				o, at := b.find(50)
				o.lines[at], o.lines = o.lines[len(o.lines)-1], o.lines[:len(o.lines)-1]
				b.put("errors/object", errorLine(b.records[0][50]+"\n"))
			},
		},
		{
			name: "a record in both", want: map[string]int64{Doubled: 1},
			mutate: func(b *bed) { b.put("errors/object", errorLine(b.records[0][50])) },
		},
		{
			name: "an error output that is none", want: map[string]int64{Broken: 2},
			mutate: func(b *bed) {
				b.put("errors/object-a", b.records[0][110])
				b.put("errors/object-b", `{"rawData":"%%%"}`)
			},
		},
		{
			name: "a compressed object cut", want: map[string]int64{Broken: 1, Lost: 1},
			store: func(m memory) {
				m["data/key=k0/object-1"] = m["data/key=k0/object-1"][:len(m["data/key=k0/object-1"])-100]
			},
			check: func(v *Verdict) bool { return v.Faults[Lost] > 0 },
		},
		{
			name: "a bit of a compressed object flipped", want: map[string]int64{Broken: 1, Lost: 1},
			store: func(m memory) { m["data/key=k0/object-1"][len(m["data/key=k0/object-1"])/2] ^= 4 },
		},
		{
			name: "the check of a compressed object changed", want: map[string]int64{Broken: 1},
			store: func(m memory) { m["data/key=k0/object-1"][len(m["data/key=k0/object-1"])-8] ^= 1 },
		},
		{
			name: "rubbish after a compressed object", want: map[string]int64{Broken: 1},
			store: func(m memory) { m["data/key=k0/object-1"] = append(m["data/key=k0/object-1"], "rubbish"...) },
		},
		{
			name: "an object cut within its last record", want: map[string]int64{Broken: 1, Lost: 1},
			store: func(m memory) { m[first] = m[first][:len(m[first])-2] },
		},
		{
			name: "an object cut before its last line feed", want: map[string]int64{Broken: 1},
			store: func(m memory) { m[first] = m[first][:len(m[first])-1] },
		},
		{
			name: "an object cut between records", want: map[string]int64{Lost: 1},
			store: func(m memory) { m[first] = m[first][:len(m[first])-recordSize-1] },
		},
		{
			name: "an empty object", want: map[string]int64{Broken: 1},
			store: func(m memory) { m["data/empty"] = nil },
		},
		{
			name: "a compressed object of nothing", want: map[string]int64{Broken: 1},
			store: func(m memory) { m["data/empty.gz"] = pack(nil) },
		},
		{
			name: "an object in Parquet", want: map[string]int64{Broken: 1},
			store: func(m memory) { m["data/object.parquet"] = []byte("PAR1....") },
		},
		{
			name: "an endless line", want: map[string]int64{Broken: 1},
			store: func(m memory) { m["data/long"] = bytes.Repeat([]byte("x"), longestLine+1<<17) },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t)
			if c.mutate != nil {
				c.mutate(b)
			}
			m := b.encode()
			if c.store != nil {
				c.store(m)
			}
			v := verifyIn(t, m, b.ledger, VerifyOptions{ErrorPrefix: "errors/", Partition: "key"})
			if v.OK() != (c.want == nil) {
				t.Errorf("OK: got %v", v.OK())
			}
			if diff := cmp.Diff(c.want, faultsUpTo(v.Faults, c.want), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("faults (-want +got):\n%s%v", diff, v.Examples)
			}
			if c.check != nil && !c.check(v) {
				t.Errorf("got %+v", v)
			}
			if c.want == nil && (v.Acked != 140 || v.Refused != 5 || v.Unknown != 5) {
				t.Errorf("ledger: got %+v", v)
			}
		})
	}
}

// faultsUpTo leaves of the kinds that damage within a compressed object makes only that they are there: how many records
// are behind it is the compressor's affair.
func faultsUpTo(got, want map[string]int64) map[string]int64 {
	if want[Broken] == 0 || want[Lost] == 0 {
		return got
	}
	got = maps.Clone(got)
	if delete(got, Changed); got[Lost] > 0 {
		got[Lost] = 1
	}
	return got
}
