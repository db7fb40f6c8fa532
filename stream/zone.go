package stream

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"time"
)

// zoneData is the time zone database: lib/time/zoneinfo.zip of Go 1.26.8, IANA 2025c. It is embedded here because
// time.LoadLocation prefers the machine's own database, with package time/tzdata linked in too: an update of the system
// between two starts could then move records that were partitioned before the first into other partitions. Replacing
// this file is a change of the partitioner's logic.
//
//go:embed zoneinfo.zip
var zoneData []byte

// LoadZone returns the time zone of an IANA name, such as Asia/Tokyo or UTC. The answer is the same on every machine.
func LoadZone(name string) (*time.Location, error) {
	if name == "UTC" {
		return time.UTC, nil
	}
	zones, err := zip.NewReader(bytes.NewReader(zoneData), int64(len(zoneData)))
	if err != nil {
		return nil, fmt.Errorf("read the embedded time zones: %w", err)
	}
	for _, file := range zones.File {
		if file.Name == name && !file.FileInfo().IsDir() {
			return readZone(file)
		}
	}
	return nil, fmt.Errorf("%q is no time zone: write an IANA name such as UTC or Asia/Tokyo", name)
}

func readZone(file *zip.File) (*time.Location, error) {
	reader, err := file.Open()
	if err != nil {
		return nil, fmt.Errorf("read the embedded time zone %s: %w", file.Name, err)
	}
	defer reader.Close()
	data, err := io.ReadAll(reader)
	if err != nil {
		return nil, fmt.Errorf("read the embedded time zone %s: %w", file.Name, err)
	}
	return time.LoadLocationFromTZData(file.Name, data)
}
