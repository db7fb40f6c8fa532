package main

import (
	"io"
	"log/slog"

	"hydrant/gateway/auth"
	"hydrant/stream"
)

// Config is a node's whole configuration. What Load returns is validated and has every default applied.
type Config struct {
	Node    string `yaml:"node"`     // what people call this node: in the console, hydrant top, traces and its leases; empty is fine
	Listen  string `yaml:"listen"`   // host:port of the producers' listener
	Admin   string `yaml:"admin"`    // host:port of the listener for health, metrics and profiles
	DataDir string `yaml:"data_dir"` // where the node keeps everything; a relative path starts at the working directory
	Buffer  Buffer `yaml:"buffer"`

	Memory stream.Size `yaml:"memory"` // budget of all that the node holds: requests, buffered blocks, open objects, uploads
	Limits Limits      `yaml:"limits"`
	Auth   string      `yaml:"auth"` // none says that no credentials are asked for, for development on loopback; without credentials a node listens nowhere else

	Credentials string `yaml:"credentials"` // file that says which producers may do what; empty asks for no credentials
	AdminAuth   string `yaml:"admin_auth"`  // none lets the admin listener of a node with credentials be beyond loopback, although health, metrics and profiles ask for none
	TLS         TLS    `yaml:"tls"`

	Encryption Encryption `yaml:"encryption"`

	APIStreams APIStreams `yaml:"api_streams"`

	Console Console `yaml:"console"`

	Log Log `yaml:"log"`

	Streams  []stream.Stream `yaml:"-"` // in the order of the file
	Warnings Faults          `yaml:"-"` // what is allowed but must be said when a node starts

	Producers *auth.Credentials `yaml:"-"` // what the credentials file says; nil if none is named
}

// Buffer says where acknowledged records wait for delivery.
type Buffer struct {
	Engine  string      `yaml:"engine"`   // badger, the only one in this version
	MaxDisk stream.Size `yaml:"max_disk"` // bound on what the buffer takes of the disk

	// StreamShare bounds what one stream may hold of max_disk undelivered where there are several streams.
	StreamShare stream.Size `yaml:"stream_share"`
}

// TLS is for the producers' listener. The files are PEM, and are read again when they change and on SIGHUP.
type TLS struct {
	Certificate string `yaml:"certificate"` // file with the server's certificate and those between it and its authority; empty means no TLS
	Key         string `yaml:"key"`         // file with the certificate's private key
	ClientCA    string `yaml:"client_ca"`   // file with the authorities whose client certificates are taken; empty takes none
}

// Limits bound what producers may send.
type Limits struct {
	Body         stream.Size `yaml:"body"`         // bytes of a request as sent
	Decompressed stream.Size `yaml:"decompressed"` // bytes of a request after its Content-Encoding is undone
	Record       stream.Size `yaml:"record"`       // bytes of a record
	Records      int         `yaml:"records"`      // records in a request
	InFlight     stream.Size `yaml:"in_flight"`    // bytes of all requests being served together; past it the answer is 503
}

// Console is the page on the admin listener.
type Console struct {
	Write bool `yaml:"write"` // lets the page send records, change streams, flush and replay; where credentials are asked for, the rights of the key decide too
}

// Log says how the process writes about itself.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn or error
	Format string `yaml:"format"` // text or json
}

// Logger writes to w in the configured format.
func (l Log) Logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(l.Level)) // validated when loaded; info for a Log that was not
	options := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// defaults is the configuration of a node to which nothing was said.
func defaults() *Config {
	c := &Config{
		Listen:  "127.0.0.1:8080",
		Admin:   "127.0.0.1:8081",
		DataDir: "./hydrant-data",
		Buffer:  Buffer{Engine: "badger", MaxDisk: 20 << 30},
		Limits:  Limits{Body: 8 << 20, Decompressed: 32 << 20, Record: 1000 << 10, Records: 10000},
		Log:     Log{Level: "info", Format: "text"},

		APIStreams: APIStreams{
			Region: "us-east-1", Account: "000000000000", Store: DefinitionStore{S3: DefinitionBucket{Prefix: "hydrant-streams/"}},
		},

		Memory: ownMemory(),
	}
	c.complete()
	return c
}

// complete fills in what depends on other settings.
func (c *Config) complete() {
	if c.Limits.InFlight == 0 {
		c.Limits.InFlight = c.inFlightByDefault()
	}
	if c.Buffer.StreamShare == 0 {
		c.Buffer.StreamShare = c.Buffer.MaxDisk / 2
	}
}
