package stream

// Quota is what a stream takes a second on each node; without it there is no bound. A request that finds something left of
// it passes whole. It says nothing about what was taken, so it is no part of a definition's versions.
type Quota struct {
	Records  int64 `yaml:"records"`  // a second; 0 means no bound
	Bytes    Size  `yaml:"bytes"`    // of records, a second; 0 means no bound
	Requests int64 `yaml:"requests"` // a second; 0 means no bound

	// Partial has a PutRecordBatch take the records that the quota leaves and refuse each other one, instead of passing
	// whole.
	Partial bool `yaml:"partial"`
}

func (v *validation) quota() {
	q := v.stream.Quota
	for _, bound := range []struct {
		name  string
		value int64
	}{{"records", q.Records}, {"bytes", int64(q.Bytes)}, {"requests", q.Requests}} {
		if bound.value < 0 {
			v.add("quota."+bound.name, "%d is below 0: write how many a second, or leave it out for no bound", bound.value)
		}
	}
	if q.Partial && q.Records == 0 && q.Bytes == 0 {
		v.add("quota.partial", "a batch is cut where records or bytes end, and neither has a bound: write one, or leave partial out")
	}
}
