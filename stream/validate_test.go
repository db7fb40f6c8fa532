package stream_test

import (
	"strings"
	"testing"
	"time"

	"hydrant/stream"
)

// valid is a definition without faults, changed by change.
func valid(change func(*stream.Stream)) stream.Stream {
	s := stream.Stream{
		Name:          "clicks",
		Prefix:        "clicks/!{partitionKeyFromQuery:customer}/!{timestamp:yyyy/MM/dd}/",
		PartitionKeys: map[string]string{"customer": ".customer.id"},
		Destination:   stream.Destination{S3: &stream.S3{Bucket: "lake", Region: "us-east-1", Endpoint: "http://127.0.0.1:9000"}},
	}
	change(&s)
	return s.WithDefaults()
}

func inDirectory(s *stream.Stream) {
	s.Destination = stream.Destination{Directory: &stream.Directory{Path: "./objects"}}
}

func TestValidateAccepts(t *testing.T) {
	for name, change := range map[string]func(*stream.Stream){
		"as it is":     func(*stream.Stream) {},
		"directory":    inDirectory,
		"longest name": func(s *stream.Stream) { s.Name = strings.Repeat("n", 64) },
		"smallest buffering": func(s *stream.Stream) {
			s.Buffering = stream.Buffering{Size: stream.MiB, Interval: stream.Duration(time.Second)}
		},
		"largest buffering": func(s *stream.Stream) {
			s.Buffering = stream.Buffering{Size: 5 * stream.GiB, Interval: stream.Duration(24 * time.Hour)}
		},
		"no compression":     func(s *stream.Stream) { s.Compression = "none" },
		"extension":          func(s *stream.Stream) { s.FileExtension = ".json.gz" },
		"marks in extension": func(s *stream.Stream) { s.FileExtension = ".!-_.*'()" },
		"longest extension":  func(s *stream.Stream) { s.FileExtension = "." + strings.Repeat("x", 127) },
		"no delimiter":       func(s *stream.Stream) { s.Delimiter = new("") },
		"time zone":          func(s *stream.Stream) { s.TimeZone = "America/Argentina/Buenos_Aires" },
		"AWS itself":         func(s *stream.Stream) { s.Destination.S3.Endpoint = "" },
		"every letter": func(s *stream.Stream) {
			s.Prefix += "!{timestamp:yuYQMLwWdDEeaHhKkmsSnzVVZXxO[y]}/"
			s.TimeZone = "Europe/Berlin"
			inDirectory(s)
		},
		"random strings": func(s *stream.Stream) {
			s.Prefix += "!{firehose:random-string}/"
			s.ErrorPrefix = "!{firehose:random-string}/!{firehose:error-output-type}/"
		},
		"static prefix":        func(s *stream.Stream) { s.Prefix, s.PartitionKeys = "legacy", nil },
		"dots with more":       func(s *stream.Stream) { s.Prefix, s.PartitionKeys = "..a/b../c", nil },
		"dots before the name": func(s *stream.Stream) { s.Prefix, s.PartitionKeys = "a!{timestamp:yyyy}/..", nil },
		"slashes in S3":        func(s *stream.Stream) { s.Prefix, s.PartitionKeys = "/a//b/", nil },
	} {
		if faults := valid(change).Validate(); len(faults) > 0 {
			t.Errorf("%s: got %v", name, faults)
		}
	}
}

func TestValidateRefuses(t *testing.T) {
	for _, test := range []struct {
		path, want string
		change     func(*stream.Stream)
	}{
		{"name", "65 characters; it must have 1 to 64", func(s *stream.Stream) { s.Name = strings.Repeat("n", 65) }},
		{"name", `"a b" may hold only letters`, func(s *stream.Stream) { s.Name = "a b" }},
		{"buffering.size", "is 1048575 bytes; it must be from 1MiB to 5GiB", func(s *stream.Stream) {
			s.Buffering.Size = stream.MiB - 1
		}},
		{"buffering.size", "is 6GiB; it must", func(s *stream.Stream) { s.Buffering.Size = 6 * stream.GiB }},
		{"buffering.interval", "is 999ms; it must be from 1s to 24h", func(s *stream.Stream) { s.Buffering.Interval = 999e6 }},
		{"buffering.interval", "is 25h; it must", func(s *stream.Stream) { s.Buffering.Interval = 25 * 3600e9 }},
		{"time_zone", `"Local" is no time zone`, func(s *stream.Stream) { s.TimeZone = "Local" }},
		{"time_zone", `"Asia/" is no time zone`, func(s *stream.Stream) { s.TimeZone = "Asia/" }},
		{"time_zone", `"../x" is no time zone`, func(s *stream.Stream) { s.TimeZone = "../x" }},
		{"compression", `"lzma" is not supported: write none, gzip, zstd, snappy, hadoop-snappy or zip`, func(s *stream.Stream) {
			s.Compression = "lzma"
		}},
		{"compression", `"HADOOP_SNAPPY" is not supported: write hadoop-snappy`, func(s *stream.Stream) {
			s.Compression = "HADOOP_SNAPPY"
		}},
		{"compression", `"Snappy" is not supported: write snappy`, func(s *stream.Stream) { s.Compression = "Snappy" }},
		{"validate", `"avro" is not supported: write json`, func(s *stream.Stream) { s.RecordForm = "avro" }},
		{"validate", "records that come compressed are not JSON", func(s *stream.Stream) {
			s.RecordForm, s.Processing.Decompression = stream.FormJSON, stream.DecompressionGzip
		}},
		{"file_extension", `"json" is no extension: write a dot`, func(s *stream.Stream) { s.FileExtension = "json" }},
		{"file_extension", `".JSON" is no extension`, func(s *stream.Stream) { s.FileExtension = ".JSON" }},
		{"file_extension", `".a/b" is no extension`, func(s *stream.Stream) { s.FileExtension = ".a/b" }},
		{"file_extension", `".gz\n" is no extension`, func(s *stream.Stream) { s.FileExtension = ".gz\n" }},
		{"file_extension", `"." is no extension`, func(s *stream.Stream) { s.FileExtension = "." }},
		{"file_extension", "has 129 characters; the limit is 128", func(s *stream.Stream) {
			s.FileExtension = "." + strings.Repeat("x", 128)
		}},
		{"delimiter", "is not UTF-8", func(s *stream.Stream) { s.Delimiter = new("\xff") }},
		{"destination", "there is no destination", func(s *stream.Stream) { s.Destination = stream.Destination{} }},
		{"destination", "two destinations", func(s *stream.Stream) { s.Destination.Directory = &stream.Directory{Path: "a"} }},
		{"destination.directory.path", "is missing", func(s *stream.Stream) {
			inDirectory(s)
			s.Destination.Directory.Path = ""
		}},
		{"destination.directory.path", "cannot be", func(s *stream.Stream) {
			inDirectory(s)
			s.Destination.Directory.Path = "a\x00"
		}},
		{"destination.s3.bucket", "is missing", func(s *stream.Stream) { s.Destination.S3.Bucket = "" }},
		{"destination.s3.bucket", "has 2 characters; it must have 3 to 63", func(s *stream.Stream) {
			s.Destination.S3.Bucket = "ab"
		}},
		{"destination.s3.bucket", "has 64 characters", func(s *stream.Stream) {
			s.Destination.S3.Bucket = strings.Repeat("b", 64)
		}},
		{"destination.s3.bucket", `"lake/raw" may hold only`, func(s *stream.Stream) { s.Destination.S3.Bucket = "lake/raw" }},
		{"destination.s3.region", `"us east" is no region`, func(s *stream.Stream) { s.Destination.S3.Region = "us east" }},
		{"destination.s3.endpoint", "is no address", func(s *stream.Stream) { s.Destination.S3.Endpoint = "localhost:9000" }},
		{"destination.s3.endpoint", "is no address", func(s *stream.Stream) { s.Destination.S3.Endpoint = "ftp://host" }},
		{"destination.s3.endpoint", "is no address", func(s *stream.Stream) { s.Destination.S3.Endpoint = "http://" }},
		{"destination.s3.endpoint", "is no address", func(s *stream.Stream) { s.Destination.S3.Endpoint = "http://host?a=b" }},
		{"destination.s3.endpoint", "holds credentials", func(s *stream.Stream) {
			s.Destination.S3.Endpoint = "http://u:p@host"
		}},
		{"partition_keys.customer", "there is no function nosuch/0 here", func(s *stream.Stream) {
			s.PartitionKeys["customer"] = ".a | nosuch"
		}},
		{"partition_keys.extra", "is not used", func(s *stream.Stream) { s.PartitionKeys["extra"] = ".a" }},
		{"prefix", `"customer" is not declared`, func(s *stream.Stream) { s.PartitionKeys = nil }},
		{"prefix", "error_prefix only", func(s *stream.Stream) { s.Prefix += "!{firehose:error-output-type}" }},
		{"prefix", "'G' at position 1", func(s *stream.Stream) { s.Prefix += "!{timestamp:GGGG}" }},
		{"prefix", "has a segment", func(s *stream.Stream) { s.Prefix += "../" }},
		{"prefix", "has a segment", func(s *stream.Stream) { s.Prefix = "./" + s.Prefix }},
		{"prefix", "has a segment", func(s *stream.Stream) { s.Prefix += "!{timestamp:'.'.}/" }},
		{"prefix", "two in a row", func(s *stream.Stream) { s.Prefix = "/" + s.Prefix; inDirectory(s) }},
		{"prefix", "two in a row", func(s *stream.Stream) { s.Prefix += "/"; inDirectory(s) }},
		{"prefix", "control character", func(s *stream.Stream) { s.Prefix += "\n" }},
		{"prefix", "control character", func(s *stream.Stream) { s.Prefix += "\xff" }},
		{"prefix", "last segment has 286 bytes with the longest file name; the limit is 255", func(s *stream.Stream) {
			s.Prefix += strings.Repeat("x", 191)
		}},
		{"prefix", "a segment of the key has 256 bytes", func(s *stream.Stream) { s.Prefix += strings.Repeat("x", 256) + "/" }},
		{"prefix", "the evaluated prefix has 545 characters; the limit is 512: shorten", func(s *stream.Stream) {
			s.Prefix += strings.Repeat(strings.Repeat("x", 104)+"/", 5)
		}},
		{"prefix", "the limit is 1024: shorten", func(s *stream.Stream) { // 465 characters, 1,005 bytes
			s.Prefix = "!{partitionKeyFromQuery:customer}/" + strings.Repeat(strings.Repeat("é", 60)+"é/", 8)
		}},
		{"error_prefix", "must use !{firehose:error-output-type}", func(s *stream.Stream) {
			s.ErrorPrefix = "e/!{timestamp:yyyy}/"
		}},
		{"error_prefix", `"customer" cannot be used here`, func(s *stream.Stream) {
			s.ErrorPrefix = "!{firehose:error-output-type}/!{partitionKeyFromQuery:customer}/"
		}},
		{"prefix", "last segment has 256 bytes with the longest file name", func(s *stream.Stream) {
			s.Prefix += strings.Repeat("x", 150) + "!{firehose:random-string}" // 150 + 11 + 95
		}},
		{"error_prefix", "has a segment", func(s *stream.Stream) { s.ErrorPrefix = "../e/" }},
		{"error_prefix", "the evaluated prefix has 545 characters; the limit is 512", func(s *stream.Stream) {
			s.ErrorPrefix = strings.Repeat(strings.Repeat("x", 99)+"/", 5)
		}},
	} {
		faults := valid(test.change).Validate()
		if len(faults) != 1 || faults[0].Path != test.path || !strings.Contains(faults[0].Message, test.want) {
			t.Errorf("got %v, want one fault %s: ...%s...", faults, test.path, test.want)
		}
	}
}

func TestValidateReportsEveryFault(t *testing.T) {
	s := stream.Stream{
		Prefix:        strings.Repeat("!{a:b}", 1) + strings.Repeat("x", 1020) + "!{timestamp:GGGG}",
		ErrorPrefix:   "!{timestamp:yyyy}/!{partitionKeyFromQuery:k}/",
		PartitionKeys: map[string]string{"a": "", "b": "b"},
		Compression:   "lzma",
		TimeZone:      "Mars",
		Buffering:     stream.Buffering{Size: 1, Interval: 1},
		Destination:   stream.Destination{S3: &stream.S3{}, Directory: &stream.Directory{}},
	}.WithDefaults()
	var got []string
	for _, fault := range s.Validate() {
		got = append(got, fault.Path)
	}
	want := "name buffering.size buffering.interval partition_keys.a partition_keys.b prefix prefix prefix error_prefix " +
		"error_prefix time_zone compression destination destination.s3.bucket destination.directory.path"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
}

func TestWarnings(t *testing.T) {
	for _, test := range []struct {
		prefix   string
		interval time.Duration
		want     string
	}{
		{"a/!{timestamp:yyyy/MM/dd/HH}/", time.Hour, ""},
		{"a/!{timestamp:HH-mm}/", time.Minute, ""},
		{"a/!{timestamp:HH-mm}/", 5 * time.Minute, "prefix: the prefix changes every 1m, more often than buffering.interval (5m)"},
		{"a/!{timestamp:HH}/", 2 * time.Hour, "prefix: the prefix changes every 1h"},
		{"static", 2 * time.Hour, "prefix: the prefix changes every 1h"},
		{"a/!{timestamp:YYYY/MM/dd}/", time.Hour, "prefix: Y is the week-based year"},
		{"a/!{timestamp:YYYY-'W'ww}/", time.Hour, ""},
		{"a/!{timestamp:yyyy/MM/DD}/", time.Hour, "prefix: D is the day of the year"},
		{"a/!{timestamp:yyyy-DDD}/", time.Hour, ""},
		{"a/!{timestamp:yyyy/MM/dd/hh}/", time.Hour, "prefix: h and K are hours of a half day"},
		{"a/!{timestamp:yyyy/MM/dd/hha}/", time.Hour, ""},
		{"a/!{timestamp:yyyySSS}/", time.Hour, "prefix: the prefix changes every 1ms"},
		{"a/!{partitionKeyFromQuery:k}/", time.Hour, ""},
		{"a/!{timestamp:GGGG}/", time.Hour, ""},
	} {
		s := stream.Stream{Name: "s", Prefix: test.prefix, Buffering: stream.Buffering{Interval: stream.Duration(test.interval)}}
		got := ""
		for _, fault := range s.WithDefaults().Warnings() {
			got += fault.String()
		}
		if (test.want == "") != (got == "") || !strings.HasPrefix(got, test.want) {
			t.Errorf("%s every %v: got %q, want %q", test.prefix, test.interval, got, test.want)
		}
	}
}

func TestLongestFileName(t *testing.T) {
	s := stream.Stream{Name: "clicks"}
	want := len("clicks-18446744073709551615-2025-07-11-14-34-09-01234567-89ab-cdef-0123-456789abcdef.0123456789")
	if got := s.LongestFileName(); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
	s.FileExtension = ".gz"
	if got := s.LongestFileName(); got != want {
		t.Errorf("with a short extension: got %d, want %d", got, want)
	}
	s.FileExtension = ".0123456789a"
	if got := s.LongestFileName(); got != want+1 {
		t.Errorf("with a long extension: got %d, want %d", got, want+1)
	}
}

// A name that is longer than a file's may be shortened at either end.
func TestValidateNamesTheExtension(t *testing.T) {
	faults := valid(func(s *stream.Stream) {
		s.Name, s.FileExtension = strings.Repeat("n", 64), "."+strings.Repeat("x", 127)
	}).Validate()
	if len(faults) != 2 || !strings.HasSuffix(faults[0].String(), "shorten the prefix or file_extension") {
		t.Errorf("got %v, want a fault of each prefix that names file_extension", faults)
	}
}

func TestEveryCompressionIsValid(t *testing.T) {
	for _, name := range stream.Compressions() {
		if faults := valid(func(s *stream.Stream) { s.Compression = name }).Validate(); len(faults) > 0 {
			t.Errorf("%s: %v", name, faults)
		}
	}
}

func TestCheckKeyAtTheLimits(t *testing.T) {
	segment := strings.Repeat("s", stream.MaxSegment) + "/"
	wide := strings.Repeat(strings.Repeat("é", 102)+"/", 4) // 412 characters, 820 bytes
	for _, test := range []struct {
		prefix   string
		fileName int
		want     string
	}{
		{"", 255, ""},
		{"a", 254, ""},
		{"a", 255, "the key's last segment has 256 bytes"},
		{"a/", 255, ""},
		{segment, 255, ""},
		{"s" + segment, 100, "a segment of the key has 256 bytes"},
		{segment + segment, 255, ""},
		{segment + segment + "a", 254, "the evaluated prefix has 513 characters; the limit is 512"},
		{strings.Repeat("é/", 256), 255, ""},
		{strings.Repeat("é/", 256) + "é", 0, "the evaluated prefix has 513 characters"},
		{wide, 204, ""},
		{wide, 205, "the key has 1025 bytes"},
	} {
		err := stream.CheckKey([]byte(test.prefix), test.fileName)
		if got := ""; err != nil {
			got = err.Error()
			if test.want == "" || !strings.HasPrefix(got, test.want) {
				t.Errorf("%d bytes and %d: got %s, want %q", len(test.prefix), test.fileName, got, test.want)
			}
		} else if test.want != "" {
			t.Errorf("%d bytes and %d: got no error, want %q", len(test.prefix), test.fileName, test.want)
		}
	}
}

func TestLoadZone(t *testing.T) {
	for _, test := range []struct {
		name, want string
		at         time.Time
	}{
		{"UTC", "2025-07-11T14:00:00Z", time.Date(2025, 7, 11, 14, 0, 0, 0, time.UTC)},
		{"Asia/Kathmandu", "2025-07-11T19:45:00+05:45", time.Date(2025, 7, 11, 14, 0, 0, 0, time.UTC)},
		{"America/New_York", "2025-03-09T01:59:59-05:00", time.Date(2025, 3, 9, 6, 59, 59, 0, time.UTC)},
		{"America/New_York", "2025-03-09T03:00:00-04:00", time.Date(2025, 3, 9, 7, 0, 0, 0, time.UTC)},
		{"America/New_York", "2060-07-01T08:00:00-04:00", time.Date(2060, 7, 1, 12, 0, 0, 0, time.UTC)},
	} {
		zone, err := stream.LoadZone(test.name)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := test.at.In(zone).Format(time.RFC3339); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}
