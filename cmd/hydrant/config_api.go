package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"

	"hydrant/gateway/firehose/control"
	"hydrant/stream"
	"hydrant/stream/definitions"
)

// APIStreams says where streams made through the Firehose API live. Without directory and role none can be created.
type APIStreams struct {
	Directory string `yaml:"directory"`  // each bucket that calls name is a directory in this one, for trials; empty means that buckets are in S3
	Endpoint  string `yaml:"endpoint"`   // URL of the store with the buckets; empty means AWS
	PathStyle bool   `yaml:"path_style"` // the bucket in the path, as most other stores want it
	Region    string `yaml:"region"`     // of the buckets, and in ARNs
	Account   string `yaml:"account"`    // 12 digits, in ARNs and messages
	Profile   string `yaml:"profile"`    // of the shared AWS files; empty means the default chain
	Role      string `yaml:"role"`       // what a RoleARN is for: assume (through STS, with the profile's credentials) or ignore (they are used as they are)
}

var accountForm = regexp.MustCompile(`^[0-9]{12}$`)

func (v *validator) apiStreams() {
	a := v.APIStreams
	if !accountForm.MatchString(a.Account) {
		v.refuse("api_streams.account", "%q is no account: write 12 digits", a.Account)
	}
	if a.Role != "" {
		v.oneOf("api_streams.role", a.Role, string(control.RoleAssumed), string(control.RoleIgnored))
	}
	if a.Directory != "" && (a.Endpoint != "" || a.Profile != "" || a.PathStyle) {
		v.refuse("api_streams.directory", "buckets are directories or in a store: take endpoint, path_style and profile away, or this")
	}
	if host, _, err := net.SplitHostPort(v.Listen); err == nil && !isLoopback(host) && v.Credentials == "" && (a.Role != "" || a.Directory != "") {
		v.warn("api_streams", "whoever reaches %s may make, change and delete streams, with the node's own credentials: name credentials", v.Listen)
	}
	s := stream.Stream{Name: "api", Destination: stream.Destination{S3: &stream.S3{
		Bucket: "bucket", Region: a.Region, Endpoint: a.Endpoint, Profile: a.Profile,
	}}}
	const path = "destination.s3."
	for _, fault := range s.WithDefaults().Validate() {
		v.refuse("api_streams."+fault.Path[len(path):], "%s", fault.Message)
	}
}

func (a APIStreams) config() control.Config {
	return control.Config{Account: a.Account, Region: a.Region, Place: control.Place{
		Directory: a.Directory, Endpoint: a.Endpoint, PathStyle: a.PathStyle, Profile: a.Profile, Role: control.Role(a.Role),
	}}
}

// warnShadowed names the streams of the file that stand in front of ones made through the API.
func warnShadowed(c *Config, w io.Writer) error {
	dir := filepath.Join(c.DataDir, definitionsDir)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	store, err := definitions.OpenDirectory(dir)
	if err != nil {
		return err
	}
	made, err := store.Load(context.Background())
	for _, s := range c.Streams {
		if _, shadowed := made[s.Name]; shadowed {
			fmt.Fprintf(w, "warning: streams.%s: a stream of this name was made through the API; it is not served while the file defines one\n", s.Name)
		}
	}
	return err
}
