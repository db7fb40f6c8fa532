// Package recordpb is the body of a request in protobuf, as generated code for clients in Go. Hydrant itself reads the wire
// format where it lies.
package recordpb

import _ "embed"

//go:generate protoc --go_out=. --go_opt=paths=source_relative records.proto

// Source is what clients in other languages generate their code from.
//
//go:embed records.proto
var Source []byte
