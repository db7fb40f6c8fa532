package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

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

	Lambda APIFunctions `yaml:"lambda"`

	Quota stream.Quota    `yaml:"quota"` // of each of these streams
	Store DefinitionStore `yaml:"store"`
}

// APIFunctions says how the functions of Lambda processors are called. Without a role such a processor is refused.
type APIFunctions struct {
	Endpoint string `yaml:"endpoint"` // URL of what speaks Lambda's Invoke API; empty means AWS
	Region   string `yaml:"region"`   // empty means the one in the function's ARN
	Profile  string `yaml:"profile"`  // of the shared AWS files; empty means the default chain
	Role     string `yaml:"role"`     // what a processor's RoleArn is for: assume (through STS, with the profile's credentials) or ignore (they are used as they are)
}

// DefinitionStore says where the definitions of streams made through the API are kept. Without a bucket that is the data
// directory, and the streams are this node's alone.
type DefinitionStore struct {
	S3 DefinitionBucket `yaml:"s3"`
}

// DefinitionBucket is a prefix of a bucket that all nodes of a fleet share. The store must honour If-Match and
// If-None-Match.
type DefinitionBucket struct {
	Bucket    string `yaml:"bucket"`     // keeps the streams' definitions for a fleet of nodes; empty means that they are this node's alone
	Prefix    string `yaml:"prefix"`     // of their keys; ends with a slash
	Region    string `yaml:"region"`     // empty means that of the environment or the profile
	Endpoint  string `yaml:"endpoint"`   // URL of the store; empty means AWS
	PathStyle bool   `yaml:"path_style"` // the bucket in the path, as most other stores want it
	Profile   string `yaml:"profile"`    // of the shared AWS files; empty means the default chain
}

func (b DefinitionBucket) definition() stream.S3 {
	return stream.S3{Bucket: b.Bucket, Region: b.Region, Endpoint: b.Endpoint, PathStyle: b.PathStyle, Profile: b.Profile}
}

func (v *validator) definitionStore() {
	b := v.APIStreams.Store.S3
	if b.Bucket == "" {
		if b != defaults().APIStreams.Store.S3 {
			v.refuse("api_streams.store.s3.bucket", "name the bucket, or take store away: the definitions are this node's alone then")
		}
		return
	}
	if b.Prefix != "" && !strings.HasSuffix(b.Prefix, "/") {
		v.refuse("api_streams.store.s3.prefix", "%q must end with a slash: keys of other objects could begin with it", b.Prefix)
	}
	if v.APIStreams.Directory != "" {
		v.warn("api_streams.directory", "the streams are a fleet's, and this directory must be the same on all its nodes")
	}
	s3 := b.definition()
	s := stream.Stream{Name: "api", Destination: stream.Destination{S3: &s3}}
	const path = "destination."
	for _, fault := range s.WithDefaults().Validate() {
		v.refuse("api_streams.store."+strings.TrimPrefix(fault.Path, path), "%s", fault.Message)
	}
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
	s := stream.Stream{Name: "api", Quota: a.Quota, Destination: stream.Destination{S3: &stream.S3{
		Bucket: "bucket", Region: a.Region, Endpoint: a.Endpoint, Profile: a.Profile,
	}}}
	const path = "destination.s3."
	for _, fault := range s.WithDefaults().Validate() {
		v.refuse("api_streams."+strings.TrimPrefix(fault.Path, path), "%s", fault.Message)
	}
	v.apiFunctions()
	v.definitionStore()
}

func (v *validator) apiFunctions() {
	const path = "api_streams.lambda"
	f := v.APIStreams.Lambda
	if f == (APIFunctions{}) {
		return
	}
	v.oneOf(path+".role", f.Role, string(control.RoleAssumed), string(control.RoleIgnored))
	s := stream.Stream{Name: "api", Destination: stream.Destination{Directory: &stream.Directory{Path: "objects"}}, Transform: &stream.Transform{
		Lambda: &stream.Lambda{ARN: "arn:aws:lambda:us-east-1:000000000000:function:name", Endpoint: f.Endpoint, Region: f.Region, Profile: f.Profile},
	}}
	for _, fault := range s.WithDefaults().Validate() {
		v.refuse(path+strings.TrimPrefix(fault.Path, "transform.lambda"), "%s", fault.Message)
	}
	v.canDerive(path)
}

func (a APIStreams) config() control.Config {
	return control.Config{Account: a.Account, Region: a.Region, Quota: a.Quota, Place: control.Place{
		Directory: a.Directory, Endpoint: a.Endpoint, PathStyle: a.PathStyle, Profile: a.Profile, Role: control.Role(a.Role),
	}, Functions: control.Functions{
		Endpoint: a.Lambda.Endpoint, Region: a.Lambda.Region, Profile: a.Lambda.Profile, Role: control.Role(a.Lambda.Role),
	}}
}

// warnShadowed names the streams of the file that stand in front of ones made through the API.
func warnShadowed(c *Config, w io.Writer) error {
	made, err := c.keptDefinitions()
	for _, s := range c.Streams {
		if _, shadowed := made[s.Name]; shadowed {
			fmt.Fprintf(w, "warning: streams.%s: a stream of this name was made through the API; it is not served while the file defines one\n", s.Name)
		}
	}
	return err
}

// keptDefinitions are those that the data directory holds, of a fleet as last seen.
func (c *Config) keptDefinitions() (map[string]definitions.Document, error) {
	dir := filepath.Join(c.DataDir, definitionsDir)
	if c.inFleet() {
		dir = filepath.Join(c.DataDir, fleetDir)
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if c.inFleet() {
		cache, err := definitions.OpenCached(nil, dir)
		if err != nil {
			return nil, err
		}
		return cache.Kept(context.Background())
	}
	store, err := definitions.OpenDirectory(dir)
	if err != nil {
		return nil, err
	}
	return store.Load(context.Background())
}
