package suite

import "slices"

// The figures of a side, by their names in JSON.
const (
	megabytesPS   = "megabytes_per_second" // of payload
	requestsPS    = "requests_per_second"
	floorShare    = "share_of_floor" // of the floor's rate
	ackP50        = "ack_p50_ms"
	ackP99        = "ack_p99_ms"
	ackP999       = "ack_p99_9_ms"
	serverCPU     = "server_cpu_seconds_per_gigabyte"
	generatorCPU  = "generator_cpu_seconds_per_gigabyte"
	storeCPU      = "store_cpu_seconds_per_gigabyte"
	peakAnon      = "peak_rss_anon_megabytes"
	peakFile      = "peak_rss_file_megabytes"
	writtenShare  = "disk_bytes_per_byte" // of payload
	allocations   = "allocations_per_record"
	groupBytes    = "group_bytes"                 // of payload, on average
	storedPS      = "stored_megabytes_per_second" // as written to the buffer, compressed
	storedGroup   = "stored_group_bytes"
	syncP50       = "sync_p50_ms"
	syncP99       = "sync_p99_ms"
	deliveredPS   = "delivered_megabytes_per_second"
	compression   = "compression_ratio"
	openObjects   = "open_objects"
	backlogBytes  = "backlog_bytes"
	elapsed       = "seconds"
	corePercent   = "core_percent"
	unsentShare   = "unsent_share" // open loop: of the requests that were due
	modelledMBPS  = "modelled_megabytes_per_second"
	compressorMBP = "compressor_megabytes_per_second"
)

// A figure is how a number is shown.
type figure struct{ key, label, format string }

// shown are all figures, in the order of the tables.
var shown = []figure{
	{megabytesPS, "MB/s", "%.1f"},
	{requestsPS, "requests/s", "%.0f"},
	{floorShare, "of the floor", "%.3f"},
	{deliveredPS, "delivered MB/s", "%.1f"},
	{modelledMBPS, "modelled MB/s", "%.1f"},
	{compressorMBP, "all cores' MB/s", "%.1f"},
	{elapsed, "s", "%.3f"},
	{corePercent, "% of a core", "%.2f"},
	{ackP50, "ack p50 ms", "%.2f"},
	{ackP99, "p99", "%.2f"},
	{ackP999, "p99.9", "%.2f"},
	{syncP50, "sync p50 ms", "%.2f"},
	{syncP99, "p99", "%.2f"},
	{serverCPU, "server CPU s/GB", "%.2f"},
	{generatorCPU, "generator CPU s/GB", "%.2f"},
	{storeCPU, "store CPU s/GB", "%.2f"},
	{allocations, "allocations/record", "%.3f"},
	{peakAnon, "RssAnon MB", "%.0f"},
	{peakFile, "RssFile MB", "%.0f"},
	{writtenShare, "disk bytes/byte", "%.2f"},
	{groupBytes, "group bytes", "%.0f"},
	{storedPS, "stored MB/s", "%.1f"},
	{storedGroup, "stored group bytes", "%.0f"},
	{compression, "compression", "%.2f"},
	{openObjects, "open objects", "%.0f"},
	{backlogBytes, "backlog bytes", "%.0f"},
	{unsentShare, "unsent share", "%.4f"},
}

// Figures are what was measured of a side, by name. What was not measured is not there.
type Figures map[string]float64

// ratio is a/b, and 0 where there is nothing to divide by: no figure of JSON is infinite.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// median is the middle value, or the mean of the two in the middle; 0 without values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// medians joins the repeats of one side, figure by figure. Its series is the first repeat's.
func medians(repeats []Side) Side {
	joined := Side{Name: repeats[0].Name, Figures: Figures{}, Series: repeats[0].Series}
	for _, f := range shown {
		var values []float64
		for _, s := range repeats {
			if v, ok := s.Figures[f.key]; ok {
				values = append(values, v)
			}
		}
		if len(values) > 0 {
			joined.Figures[f.key] = median(values)
		}
	}
	return joined
}
