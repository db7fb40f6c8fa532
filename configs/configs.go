// Package configs holds the configuration files that come with Hydrant.
package configs

import _ "embed"

// Demo is demo.yaml: what a node runs with when it is given no file.
//
//go:embed demo.yaml
var Demo []byte
