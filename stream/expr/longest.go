package expr

import "time"

// Longest is an evaluated prefix that no other is longer than in any of its segments, as far as time is concerned: each
// timestamp is as long as it gets before the year 10000. A key's value is the single byte v.
func (t *Template) Longest(zone *time.Location, errorType string) []byte {
	var key []byte
	var names zoneNames
	if t.namesZones() {
		names = namesOf(zone.String())
	}
	for _, p := range t.parts {
		switch p.kind {
		case timePart:
			key = append(key, p.field.longest(zone, names)...)
		case keyPart:
			key = append(key, 'v')
		case errorTypePart:
			key = append(key, errorType...)
		case randomPart:
			key = append(key, RandomString...)
		default:
			key = append(key, p.text...)
		}
	}
	return key
}

// longest tries a moment in each month, between which the offset, its name and the month's differ. The day has the longest
// name, and no number at that moment has fewer digits than another.
func (f field) longest(zone *time.Location, names zoneNames) []byte {
	var longest []byte
	for month := time.January; month <= time.December; month++ {
		day := 10
		for time.Date(2025, month, day, 0, 0, 0, 0, time.UTC).Weekday() != time.Wednesday {
			day++
		}
		text := f.append(nil, time.Date(2025, month, day, 22, 59, 59, 999_999_999, zone), names)
		if len(text) > len(longest) {
			longest = text
		}
	}
	return longest
}
