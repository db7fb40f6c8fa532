package delivery

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/buffer"
)

// Metrics are delivery's live counters. A nil *Metrics counts nothing.
type Metrics struct {
	uploads  *prometheus.HistogramVec
	failures *prometheus.CounterVec
	sizes    *prometheus.HistogramVec
	seals    *prometheus.CounterVec
	replaced *prometheus.CounterVec
	able     *prometheus.GaugeVec
	limits   *prometheus.GaugeVec
	discards *prometheus.CounterVec
	backups  *prometheus.CounterVec

	calls       *prometheus.HistogramVec
	failedCalls *prometheus.CounterVec
	answered    *prometheus.CounterVec
	answeredB   *prometheus.CounterVec
}

// NewMetrics registers delivery's metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		uploads: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "hydrant_upload_seconds",
			Help:    "Time of one attempt to create an object, failed ones included.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 9),
		}, []string{"stream"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hydrant_upload_failures_total",
			Help: "Attempts to create an object that failed, by class of error; all are tried again.",
		}, []string{"stream", "class"}),
		sizes: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "hydrant_object_bytes",
			Help:    "Size of sealed objects before compression.",
			Buckets: prometheus.ExponentialBuckets(4<<10, 4, 10),
		}, []string{"stream"}),
		seals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hydrant_sealed_objects_total",
			Help: "Objects sealed, by reason: size, interval, memory, partitions (more than may be open), version, drain or flush.",
		}, []string{"stream", "reason"}),
		replaced: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hydrant_superseded_objects_total",
			Help: "Sealed objects that damage of the buffer kept from being made again; what is left of them goes out under another key. Alert on this.",
		}, []string{"stream"}),
		able: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "hydrant_destination_conditional_writes",
			Help: "1 if the store was found to refuse a creation where an object exists, 0 if it ignores the condition, by kind: put or multipart.",
		}, []string{"destination", "kind"}),
		limits: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "hydrant_destination_upload_limit",
			Help: "Uploads at once that the destination is trusted with now: fewer after it asked for less.",
		}, []string{"destination"}),
		discards: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hydrant_discarded_records_total",
			Help: "Records that were not delivered because their stream was deleted, since the start of the process.",
		}, []string{"stream"}),
		backups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hydrant_backup_upload_failures_total",
			Help: "Attempts to create an object of a backup that failed, by class of error; all are tried again.",
		}, []string{"stream", "class"}),
	}
	m.functionMetrics()
	r.MustRegister(m.uploads, m.failures, m.sizes, m.seals, m.replaced, m.able, m.limits, m.discards, m.backups,
		m.calls, m.failedCalls, m.answered, m.answeredB)
	return m
}

// serves has the counters that may rise once and stand still begin at 0: of one that begins at 1 Prometheus sees no increase,
// and no alert fires.
func (m *Metrics) serves(l *lane) {
	if m == nil || l.track != mainTrack {
		return
	}
	for _, class := range []string{"conflict", Held.String()} {
		m.failures.WithLabelValues(l.info.Name, class)
	}
	m.replaced.WithLabelValues(l.info.Name)
}

func (m *Metrics) superseded(stream string) {
	if m != nil {
		m.replaced.WithLabelValues(stream).Inc()
	}
}

// sealed counts an object of the main track. Backups have totals alone.
func (m *Metrics) sealed(l *lane, o *object) {
	if m == nil || l.track != mainTrack {
		return
	}
	m.sizes.WithLabelValues(l.info.Name).Observe(float64(o.bytes))
	m.seals.WithLabelValues(l.info.Name, o.reason).Inc()
}

func (m *Metrics) conditional(destination string, can Conditions) {
	if m == nil {
		return
	}
	for kind, honoured := range map[string]bool{"put": can.Put, "multipart": can.Multipart} {
		value := 0.0
		if honoured {
			value = 1
		}
		m.able.WithLabelValues(destination, kind).Set(value)
	}
}

func (m *Metrics) bounded(destination string, limit int) {
	if m != nil {
		m.limits.WithLabelValues(destination).Set(float64(limit))
	}
}

// forgetDestination removes what is told of a destination that nothing goes to any more.
func (m *Metrics) forgetDestination(place string) {
	if m == nil {
		return
	}
	m.limits.DeleteLabelValues(place)
	m.able.DeletePartialMatch(prometheus.Labels{"destination": place})
}

// forgetStream removes what is told of a stream that is gone, but for what was discarded with it.
func (m *Metrics) forgetStream(name string) {
	if m == nil {
		return
	}
	of := prometheus.Labels{"stream": name}
	for _, v := range []interface{ DeletePartialMatch(prometheus.Labels) int }{
		m.uploads, m.failures, m.sizes, m.seals, m.replaced, m.backups, m.calls, m.failedCalls, m.answered, m.answeredB,
	} {
		v.DeletePartialMatch(of)
	}
}

func (m *Metrics) attempted(l *lane, err error, took time.Duration) {
	if m == nil {
		return
	}
	failures := m.backups
	if l.track == mainTrack {
		m.uploads.WithLabelValues(l.info.Name).Observe(took.Seconds())
		failures = m.failures
	}
	var conflict *ConflictError
	switch {
	case err == nil:
	case errors.As(err, &conflict):
		failures.WithLabelValues(l.info.Name, "conflict").Inc()
	default:
		failures.WithLabelValues(l.info.Name, classOf(err).String()).Inc()
	}
}

// Collector exports the books: they come from disk, and so count on after a restart.
type Collector struct {
	Service *Service
	Buffer  func() ([]buffer.Stream, buffer.Stats)
	Now     func() time.Time
}

var (
	byStream     = []string{"stream"}
	accepted     = prometheus.NewDesc("hydrant_accepted_records_total", "Records made durable since the stream's creation.", byStream, nil)
	acceptedSize = prometheus.NewDesc("hydrant_accepted_bytes_total", "Bytes of the records made durable since the stream's creation.", byStream, nil)
	delivered    = prometheus.NewDesc("hydrant_delivered_records_total", "Records in objects at the destination.", byStream, nil)
	deliveredB   = prometheus.NewDesc("hydrant_delivered_bytes_total", "Bytes of these records before compression, delimiters included.", byStream, nil)
	objects      = prometheus.NewDesc("hydrant_delivered_objects_total", "Objects at the destination, error output included.", byStream, nil)
	failed       = prometheus.NewDesc("hydrant_error_output_records_total", "Records in the error output.", []string{"stream", "type"}, nil)
	expanded     = prometheus.NewDesc("hydrant_expanded_records_total", "Records that processing made of others, beyond the one that each of those is.", byStream, nil)
	dropped      = prometheus.NewDesc("hydrant_dropped_records_total", "Records of which processing leaves nothing, such as control messages of CloudWatch Logs.", byStream, nil)
	quarantined  = prometheus.NewDesc("hydrant_quarantined_records_total", "Records lost to damage of the buffer. Alert on this.", byStream, nil)
	pending      = prometheus.NewDesc("hydrant_pending_records", "Records accepted and not yet at their destination.", byStream, nil)
	pendingSize  = prometheus.NewDesc("hydrant_pending_bytes", "Bytes of the records that the buffer still holds.", byStream, nil)
	oldest       = prometheus.NewDesc("hydrant_oldest_undelivered_seconds", "Age of the oldest record that is not settled; 0 if there is none. Alert on this.", byStream, nil)
	troubled     = prometheus.NewDesc("hydrant_delivery_stopped", "1 if delivery of the stream has stopped and waits for somebody to look.", byStream, nil)
	backedUp     = prometheus.NewDesc("hydrant_backup_records_total", "Copies of records in objects of the stream's backup.", byStream, nil)
	backedUpSize = prometheus.NewDesc("hydrant_backup_bytes_total", "Bytes of these copies before compression, delimiters included.", byStream, nil)
	backedUpObj  = prometheus.NewDesc("hydrant_backup_objects_total", "Objects of the stream's backup.", byStream, nil)
	backupWaits  = prometheus.NewDesc("hydrant_backup_pending_records", "Records that wait for the stream's backup. Alert on a rise.", byStream, nil)
	active       = prometheus.NewDesc("hydrant_active_partitions", "Partitions of the stream that take records now, error output included.", byStream, nil)
	disk         = prometheus.NewDesc("hydrant_buffer_disk_bytes", "Bytes that the buffer holds on disk, preallocated space included.", nil, nil)
	diskLimit    = prometheus.NewDesc("hydrant_buffer_disk_limit_bytes", "The bound on hydrant_buffer_disk_bytes.", nil, nil)
	damaged      = prometheus.NewDesc("hydrant_buffer_damaged_ranges", "Damaged ranges of the buffer that are known; hydrant inspect names them. Alert on a rise.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{accepted, acceptedSize, delivered, deliveredB, objects, failed, expanded, dropped, quarantined, pending, pendingSize, oldest, troubled, backedUp, backedUpSize, backedUpObj, backupWaits, active, disk, diskLimit, damaged} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	// The books first: what is accepted between the two reads shows as pending, never as a negative number.
	books := c.Service.Books()
	streams, stats := c.Buffer()
	gauge(disk, float64(stats.Disk))
	gauge(diskLimit, float64(stats.MaxDisk))
	gauge(damaged, float64(stats.Damaged))
	for _, s := range streams {
		c.collectStream(ch, s.Name, stats.Streams[s.ID], books[s.Name])
	}
	stopped := map[string]bool{}
	for _, t := range c.Service.Health() {
		stopped[t.Stream] = stopped[t.Stream] || t.Stopped
	}
	for name, is := range stopped {
		if is {
			gauge(troubled, 1, name)
		}
	}
	for name, n := range c.Service.Active() {
		gauge(active, float64(n), name)
	}
	for name, b := range c.Service.Backups() {
		collectBackup(ch, name, b)
	}
}

func collectBackup(ch chan<- prometheus.Metric, name string, b Backup) {
	for d, v := range map[*prometheus.Desc]int64{backedUp: b.Delivered, backedUpSize: b.Bytes, backedUpObj: b.Objects} {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), name)
	}
	ch <- prometheus.MustNewConstMetric(backupWaits, prometheus.GaugeValue, float64(b.Pending), name)
}

func (c *Collector) collectStream(ch chan<- prometheus.Metric, name string, s buffer.StreamStats, t Totals) {
	counter := func(d *prometheus.Desc, v int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), append([]string{name}, labels...)...)
	}
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, name)
	}
	counter(accepted, s.Accepted)
	counter(acceptedSize, s.AcceptedBytes)
	counter(delivered, t.Delivered)
	counter(deliveredB, t.Bytes)
	counter(objects, t.Objects)
	counter(expanded, t.Expanded)
	counter(dropped, t.Dropped)
	counter(quarantined, t.Quarantined)
	for kind, n := range t.Errors {
		counter(failed, n, kind)
	}
	gauge(pending, float64(s.Accepted-t.Settled()))
	gauge(pendingSize, float64(s.PendingBytes))
	age := 0.0
	if !s.OldestArrival.IsZero() {
		age = max(0, c.Now().Sub(s.OldestArrival).Seconds())
	}
	gauge(oldest, age)
}
