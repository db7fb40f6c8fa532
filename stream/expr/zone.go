package expr

import (
	_ "embed"
	"math"
	"slices"
	"strings"
	"time"
)

// zoneTable is what Java calls each time zone, made by testdata/ZoneNames.java. A zone that Java 17 does not know goes by
// its identifier, as there. Replacing the table is a change of the partitioner's logic.
//
//go:embed zone_names.tsv
var zoneTable string

// zoneNames are what the letters z and zzzz write in one time zone.
type zoneNames struct {
	identifier                                           string
	shortStandard, shortSummer, longStandard, longSummer string
}

// namesOf looks the zone up. It takes the time of reading the table.
func namesOf(identifier string) zoneNames {
	names := zoneNames{identifier, identifier, identifier, identifier, identifier}
	for line := range strings.Lines(zoneTable) {
		if rest, found := strings.CutPrefix(line, identifier+"\t"); found {
			columns := strings.Split(strings.TrimSuffix(rest, "\n"), "\t")
			return zoneNames{identifier, columns[0], columns[1], columns[2], columns[3]}
		}
	}
	return names
}

// appendZone writes the letters z V Z X x O.
func (f field) appendZone(dst []byte, at time.Time, names zoneNames) []byte {
	_, offset := at.Zone()
	switch {
	case f.letter == 'V':
		return append(dst, names.identifier...)
	case f.letter == 'z':
		return append(dst, names.at(at, f.count)...)
	case f.letter == 'O', f.letter == 'Z' && f.count == 4:
		return appendLocalizedOffset(dst, offset, f.count == 4)
	}
	return offsetFormOf(f.letter, f.count).append(dst, offset)
}

func (n zoneNames) at(at time.Time, count int) string {
	summer := isSummer(n.identifier, at)
	switch {
	case count == 4 && summer:
		return n.longSummer
	case count == 4:
		return n.longStandard
	case summer:
		return n.shortSummer
	}
	return n.shortStandard
}

// negativeSummers are the periods, in Unix seconds, in which the time zone database tells of summer as standard time and
// of winter as an hour taken off it. Java reads a form of the database that has no such hours.
var negativeSummers = []struct {
	zones       []string
	from, until int64
}{
	{[]string{"Europe/Dublin", "Eire"}, -37242000, math.MaxInt64},
	{[]string{"Africa/Casablanca", "Africa/El_Aaiun"}, 1540695600, math.MaxInt64},
	{[]string{"Africa/Windhoek"}, 637970400, math.MaxInt64},
	{[]string{"Europe/Prague", "Europe/Bratislava"}, -728517600, -721260000},
}

func isSummer(zone string, at time.Time) bool {
	for _, n := range negativeSummers {
		if at.Unix() >= n.from && at.Unix() < n.until && slices.Contains(n.zones, zone) {
			return !at.IsDST()
		}
	}
	return at.IsDST()
}
