// Package recordpb is the body of a request in protobuf, as generated code for clients in Go. Hydrant itself reads the wire
// format where it lies.
package recordpb

//go:generate protoc --go_out=. --go_opt=paths=source_relative records.proto
