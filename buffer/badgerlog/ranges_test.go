package badgerlog

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"hydrant/buffer"
)

// Of damage that lies beside what is known of already, the new part alone is news, and no record counts as lost twice.
func TestDamageBesideKnownDamage(t *testing.T) {
	dir, id := closedAndStaying(t, 9)
	if err := os.Remove(filepath.Join(filepath.Dir(vlogOf(t, dir)), sealedName)); err != nil {
		t.Fatal(err) // so that it is read value by value
	}
	for _, life := range []struct {
		loses []buffer.Seq
		want  []string
	}{
		{nil, nil},
		{[]buffer.Seq{5}, []string{"5-5:1"}},
		{[]buffer.Seq{4}, []string{"4-4:1", "5-5:1"}},
		{[]buffer.Seq{6, 7, 1}, []string{"1-1:1", "4-4:1", "5-5:1", "6-7:2"}},
	} {
		for _, seq := range life.loses {
			flipAt(t, dir, blockKey(buffer.LaneID{Stream: id}, seq, 1))
		}
		r := openRig(t, Config{Dir: dir})
		r.wantDamage(life.want...)
		if n := r.Stats().Streams[id].Pending; n != 9 {
			t.Errorf("%d records are pending, want 9", n)
		}
		r.stop()
	}
}

// What is lost is told less what is known of, also where that was told in ranges that overlap, as older versions did.
func TestOnlyNewDamageIsNews(t *testing.T) {
	damage := func(from, to buffer.Seq, records int64) buffer.Damage {
		return buffer.Damage{From: from, To: to, Records: records, Reason: "r", Generation: 1}
	}
	lane := buffer.LaneID{Stream: buffer.NewStreamID()}
	for name, test := range map[string]struct {
		known, absent, gaps []buffer.Damage
		blocks              []span
		want                []string
	}{
		"a block, then its group":     {known: []buffer.Damage{damage(5, 9, 5)}, gaps: []buffer.Damage{damage(1, 12, 12)}, want: []string{"1-4:4", "10-12:3"}},
		"told as ranges that overlap": {known: []buffer.Damage{damage(1, 12, 12), damage(5, 9, 5)}, absent: []buffer.Damage{damage(5, 9, 5)}, gaps: []buffer.Damage{damage(1, 12, 12)}},
		"behind such":                 {known: []buffer.Damage{damage(1, 12, 12), damage(5, 9, 5)}, gaps: []buffer.Damage{damage(10, 20, 11)}, want: []string{"13-20:8"}},
		"a gap with unused sequences": {known: []buffer.Damage{damage(1, 100, 3)}, gaps: []buffer.Damage{damage(1, 100, 3)}},
		"and a larger one":            {known: []buffer.Damage{damage(1, 100, 3)}, gaps: []buffer.Damage{damage(1, 150, 10)}, want: []string{"101-150:7"}},
		"one range, told in pieces":   {known: []buffer.Damage{damage(1, 4, 4), damage(5, 9, 5)}, gaps: []buffer.Damage{damage(1, 9, 9)}},
		"pieces, told as one range":   {known: []buffer.Damage{damage(1, 9, 9)}, absent: []buffer.Damage{damage(1, 4, 4), damage(5, 9, 5)}},
		"around a block":              {gaps: []buffer.Damage{damage(1, 9, 4)}, blocks: []span{{4, 6, 3}}, want: []string{"1-3:1"}},
		"a block that begins before":  {gaps: []buffer.Damage{damage(5, 9, 5)}, blocks: []span{{1, 6, 6}}, want: []string{"7-9:3"}},
	} {
		m := newImage()
		for _, d := range test.known {
			c := damageChange(lane, d)
			m.state.put(c.stateKey, stored{c.value, nil})
		}
		for _, d := range test.absent {
			m.addAbsent(lane, d)
		}
		m.gaps[lane] = test.gaps
		m.blocks[lane] = map[buffer.Seq]*ref{}
		for _, b := range test.blocks {
			m.blocks[lane][b.first] = &ref{first: b.first, count: int(b.records)}
		}
		m.settleDamage()
		var got []string
		for _, d := range m.lost[lane] {
			got = append(got, fmt.Sprintf("%d-%d:%d", d.From, d.To, d.Records))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: news are %v, want %v", name, got, test.want)
		}
	}
}

// Of ranges that overlap, as older versions have written them, each record is pending, and told to a reader, once.
func TestDamageThatOverlapsIsToldOnce(t *testing.T) {
	for _, known := range [][][2]buffer.Seq{
		{{5, 9}, {1, 12}},
		{{1, 12}, {5, 9}},
		{{1, 6}, {4, 9}, {9, 12}, {4, 9}},
		{{10, 12}, {1, 4}, {2, 11}},
	} {
		l := newLane(nil, buffer.LaneID{}, "s")
		for _, k := range known {
			l.quarantine(buffer.Damage{From: k[0], To: k[1], Records: int64(k[1] - k[0] + 1)})
		}
		if n := l.lostPending(); n != 12 {
			t.Errorf("%v: %d records are pending, want 12", known, n)
		}
		for _, cursor := range []buffer.Seq{0, 7} {
			told := int64(0)
			for after := cursor; ; {
				d, more := l.nextDamage(after, nil)
				if !more {
					break
				}
				told, after = told+d.Records, d.To
			}
			if told != int64(12-cursor) {
				t.Errorf("%v: a reader above %d is told of %d records", known, cursor, told)
			}
		}
	}
}
