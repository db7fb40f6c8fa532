package stream_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"hydrant/stream"
)

func withBackup(change func(*stream.Backup)) stream.Stream {
	return valid(func(s *stream.Stream) {
		s.Backup = &stream.Backup{Destination: stream.Destination{Directory: &stream.Directory{Path: "copies"}}}
		change(s.Backup)
	})
}

func TestBackupDefaults(t *testing.T) {
	s := stream.Stream{
		Name: "clicks", TimeZone: "Asia/Tokyo", Prefix: "!{partitionKeyFromQuery:k}/", PartitionKeys: map[string]string{"k": ".k"}, RecordForm: "json",
		Delimiter: new("|"), FileExtension: ".json", Backup: &stream.Backup{},
	}
	if s.WithDefaults(); s.Backup.Prefix != "" {
		t.Error("defaults were written into the definition that they were asked for")
	}
	got, ok := s.WithDefaults().AsBackup()
	want := stream.Stream{
		Name: "clicks", TimeZone: "Asia/Tokyo", Prefix: "backup/clicks/!{timestamp:yyyy/MM/dd/HH}/", ErrorPrefix: got.ErrorPrefix,
		Buffering:   stream.Buffering{Size: 64 * stream.MiB, Interval: stream.Duration(time.Minute)},
		Compression: "gzip", Delimiter: new("|"),
	}
	if !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if _, ok := (stream.Stream{}).AsBackup(); ok {
		t.Error("a stream without a backup has one")
	}
}

func TestValidateRefusesBackups(t *testing.T) {
	for want, change := range map[string]func(*stream.Backup){
		"backup.prefix: the partition key \"k\" cannot be used here": func(b *stream.Backup) { b.Prefix = "!{partitionKeyFromQuery:k}/" },
		"backup.prefix: !{firehose:error-output-type} is for":        func(b *stream.Backup) { b.Prefix = "!{firehose:error-output-type}/" },
		"backup.prefix: the evaluated prefix has ":                   func(b *stream.Backup) { b.Prefix = strings.Repeat("x/", 490) },
		"backup.buffering.size: ":                                    func(b *stream.Backup) { b.Buffering.Size = 1 },
		"backup.compression: ":                                       func(b *stream.Backup) { b.Compression = "rar" },
		"backup.delimiter: ":                                         func(b *stream.Backup) { b.Delimiter = new("\xff") },
		"backup.destination: there is no destination":                func(b *stream.Backup) { b.Destination = stream.Destination{} },
		"backup.destination.s3.bucket: ": func(b *stream.Backup) {
			b.Destination = stream.Destination{S3: &stream.S3{Bucket: "x"}}
		},
	} {
		faults := withBackup(change).Validate()
		if len(faults) != 1 || !strings.HasPrefix(faults[0].String(), want) {
			t.Errorf("got %v, want %q", faults, want)
		}
	}
	if faults := withBackup(func(*stream.Backup) {}).Validate(); len(faults) > 0 {
		t.Errorf("a good backup: got %v", faults)
	}
}

func TestBackupInTheStreamsOwnPlaceIsWarnedOf(t *testing.T) {
	s := withBackup(func(*stream.Backup) {})
	if warnings := s.Warnings(); len(warnings) > 0 {
		t.Errorf("got %v", warnings)
	}
	s.Backup.Destination, s.Backup.Prefix = s.Destination, s.Prefix
	if warnings := s.Warnings(); len(warnings) != 1 || warnings[0].Path != "backup" {
		t.Errorf("got %v, want a warning", warnings)
	}
}
