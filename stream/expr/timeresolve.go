package expr

import "time"

// read reads a whole text. Its meaning is that of Java's parser in its default, smart style: 24:00 is the next day's
// midnight, the 31st of a shorter month is its last day, and what is told twice must agree. A time of day that is missing
// is midnight.
func (p timePattern) read(text []byte, zone *time.Location) (int64, bool) {
	var values timeValues
	if end, ok := p.match(text, 0, &values); !ok || end != len(text) {
		return 0, false
	}
	date, ok := values.date()
	if !ok {
		return 0, false
	}
	clock, ok := values.clock()
	if !ok {
		return 0, false
	}
	local := date.Add(clock)
	if values.is[offsetField] {
		const most = 18 * 3600
		offset := values.value[offsetField]
		return local.UnixMilli() - offset*1000, offset >= -most && offset <= most
	}
	return inZone(local, zone), true
}

// inZone is the instant, in Unix milliseconds, of a local time given as if it were UTC. Of a time that is there twice it is
// the first; one that a zone skips is moved by what is skipped. Offsets are less than 16 hours, and no zone has changed
// its offset twice within the hours looked at.
func inZone(local time.Time, zone *time.Location) int64 {
	const reach = 16 * time.Hour
	before, after := offsetAt(local.Add(-reach), zone), offsetAt(local.Add(reach), zone)
	if first := local.Add(-before); before == after || offsetAt(first, zone) == before {
		return first.UnixMilli()
	}
	if second := local.Add(-after); offsetAt(second, zone) == after {
		return second.UnixMilli()
	}
	return local.Add(-before).UnixMilli()
}

func offsetAt(at time.Time, zone *time.Location) time.Duration {
	_, offset := at.In(zone).Zone()
	return time.Duration(offset) * time.Second
}

// date is midnight of the date, in UTC.
func (v *timeValues) date() (time.Time, bool) {
	year, ok := v.year()
	if !ok {
		return time.Time{}, false
	}
	date, ok := v.inYear(year)
	if !ok {
		return time.Time{}, false
	}
	agree := v.agrees(monthField, int(date.Month())) && v.agrees(yearDayField, date.YearDay()) &&
		v.agrees(weekdayField, (int(date.Weekday())+6)%7+1)
	return date, agree
}

// year is the year of the calendar. Years far beyond those that formats are for count as less far, so that they fit.
func (v *timeValues) year() (int, bool) {
	const most = 20_000
	field := yearField
	if v.is[eraYearField] {
		if v.value[eraYearField] < 1 || v.is[yearField] && v.value[yearField] != v.value[eraYearField] {
			return 0, false
		}
		field = eraYearField
	}
	year := v.value[field]
	return int(min(max(year, -1), most)), v.is[field]
}

// inYear is the date by the month and its day, or by the day of the year.
func (v *timeValues) inYear(year int) (time.Time, bool) {
	if v.is[monthField] && v.is[dayField] {
		month, day := v.value[monthField], v.value[dayField]
		if month < 1 || month > 12 || day < 1 || day > 31 {
			return time.Time{}, false
		}
		last := daysIn(year, time.Month(month))
		return time.Date(year, time.Month(month), min(int(day), last), 0, 0, 0, 0, time.UTC), true
	}
	first := time.Date(year, time.January, 1, 0, 0, 0, 0, time.UTC)
	day := v.value[yearDayField]
	if !v.is[yearDayField] || day < 1 || day > 366 {
		return time.Time{}, false
	}
	date := first.AddDate(0, 0, int(day)-1)
	return date, date.Year() == year && v.agrees(dayField, date.Day())
}

// agrees reports whether a field that was told in addition is what it should be.
func (v *timeValues) agrees(field timeField, value int) bool {
	return !v.is[field] || v.value[field] == int64(value)
}

// clock is the time of day, 24 hours for the midnight at its end.
func (v *timeValues) clock() (time.Duration, bool) {
	hour, told, ok := v.hour()
	minute, second, nano := v.value[minuteField], v.value[secondField], v.value[nanoField]
	switch {
	case !ok, minute < 0 || minute > 59, second < 0 || second > 59, nano < 0 || nano > 999_999_999:
		return 0, false
	case !told && v.is[minuteField], !v.is[minuteField] && (v.is[secondField] || v.is[nanoField]),
		!v.is[secondField] && v.is[nanoField]:
		return 0, false
	case hour == 24 && minute+second+nano == 0:
	case hour < 0 || hour > 23:
		return 0, false
	}
	return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second +
		time.Duration(nano), true
}

// hour is the hour of the day. told is false where no letter tells of it.
func (v *timeValues) hour() (hour int64, told, ok bool) {
	if v.is[clockHourField] {
		clock := v.value[clockHourField]
		if clock < 0 || clock > 24 || !v.set(hourField, clock%24) {
			return 0, true, false
		}
	}
	if v.is[halfClockHourField] {
		clock := v.value[halfClockHourField]
		if clock < 0 || clock > 12 || !v.set(halfHourField, clock%12) {
			return 0, true, false
		}
	}
	half, ofHalf := v.value[halfDayField], v.value[halfHourField]
	if v.is[halfHourField] && (ofHalf < 0 || ofHalf > 11) {
		return 0, true, false
	}
	if v.is[halfDayField] && v.is[halfHourField] && !v.set(hourField, half*12+ofHalf) {
		return 0, true, false
	}
	hour, told = v.value[hourField], v.is[hourField]
	if !told {
		return 0, false, !v.is[halfDayField] && !v.is[halfHourField]
	}
	agree := v.agrees(halfDayField, int(hour%24/12)) && v.agrees(halfHourField, int(hour%12))
	return hour, true, agree
}
