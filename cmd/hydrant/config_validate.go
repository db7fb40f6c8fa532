package main

import (
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"hydrant/buffer"
	"hydrant/buffer/badgerlog"
	"hydrant/stream"
)

// A validator goes over a decoded configuration and reports what is wrong in it.
type validator struct {
	*Config
	*report
	misread map[string]bool // paths that decoding found fault with: what is said of their defaults would only mislead
}

// validate reports every fault of c.
func validate(c *Config, r *report) {
	v := &validator{Config: c, report: r, misread: map[string]bool{}}
	for _, fault := range r.faults {
		v.misread[fault.Path] = true
	}
	v.node()
	v.listeners()
	v.storage()
	v.limits()
	v.memory()
	v.encryption()
	v.apiStreams()
	v.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	v.oneOf("log.format", c.Log.Format, "text", "json")
	v.streams()
}

func (v *validator) refuse(path, format string, values ...any) {
	if !v.misread[path] {
		v.fault(path, format, values...)
	}
}

func (v *validator) oneOf(path, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		v.refuse(path, "%q is not one of %s", value, strings.Join(allowed, ", "))
	}
}

var nodeName = regexp.MustCompile(`^[A-Za-z0-9_.-]{0,64}$`)

func (v *validator) node() {
	if !nodeName.MatchString(v.Node) {
		v.refuse("node", "%q is no name for a node; it has at most 64 letters, digits, '_', '.' and '-'", v.Node)
	}
}

func (v *validator) listeners() {
	if v.Auth != "" {
		v.oneOf("auth", v.Auth, "none")
	}
	v.credentials()
	v.listener("listen", v.Listen)
	v.listener("admin", v.Admin)
	if _, port, _ := net.SplitHostPort(v.Admin); v.Admin == v.Listen && port != "0" {
		v.refuse("admin", "%s is the producers' listener already; the two need addresses of their own", v.Admin)
	}
}

func (v *validator) listener(path, address string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		v.refuse(path, "%q is not host:port, as 127.0.0.1:8080", address)
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		v.refuse(path, "%q is not a port; it is a number from 0 to 65535", port)
		return
	}
	if isLoopback(host) {
		return
	}
	switch {
	case v.Credentials == "":
		v.refuse(path, "%s", v.withoutCredentials(path, address))
	case path == "listen":
		v.encrypted(address)
	case v.AdminAuth != "none":
		v.refuse(path, `%s can be reached from other machines, and the admin listener never asks for credentials; `+
			`listen on loopback, or write "admin_auth: none" to allow it`, address)
	default:
		v.warn(path, "%s can be reached from other machines and asks for no credentials, because admin_auth is none", address)
	}
}

// isLoopback holds for hosts that only this machine reaches. Of names it knows localhost alone: what others resolve to
// may change.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

func (v *validator) storage() {
	if v.DataDir == "" {
		v.refuse("data_dir", "the data directory must be named")
	}
	if v.Buffer.Engine == "kafka" {
		v.refuse("buffer.engine", "the Kafka engine is not part of this version; use badger")
	} else {
		v.oneOf("buffer.engine", v.Buffer.Engine, "badger")
	}
	v.atLeast("buffer.max_disk", v.Buffer.MaxDisk, badgerlog.MinDisk, "the least the buffer can work in")
	if v.Buffer.StreamShare < 0 || v.Buffer.StreamShare > v.Buffer.MaxDisk {
		v.refuse("buffer.stream_share", "%s is not between 1 byte and buffer.max_disk, %s", v.Buffer.StreamShare, v.Buffer.MaxDisk)
	}
}

func (v *validator) limits() {
	l := v.Limits
	v.atLeast("limits.record", l.Record, 1, "the least")
	v.atLeast("limits.body", l.Body, 1, "the least")
	v.atLeast("limits.decompressed", l.Decompressed, max(l.Body, l.Record), "what limits.body and limits.record allow")
	v.atLeast("limits.in_flight", l.InFlight, l.largest(), "what limits.body and limits.decompressed allow one request")
	if l.Record > buffer.MaxRecord {
		v.refuse("limits.record", "%s is more than the %s that the buffer takes", l.Record, stream.Size(buffer.MaxRecord))
	}
	if l.Records < 1 {
		v.refuse("limits.records", "%d is below 1", l.Records)
	}
}

func (v *validator) memory() {
	if v.misread["limits.in_flight"] {
		return
	}
	if least := v.leastMemory(); v.Memory < least {
		v.refuse("memory", "%s is below %s, the least beside limits.in_flight of %s; raise memory or lower the limit",
			v.Memory, least, v.Limits.InFlight)
	}
}

func (v *validator) atLeast(path string, size, least stream.Size, why string) {
	if size < least {
		v.refuse(path, "%s is below %s, %s", size.Words(), least, why)
	}
}

// canDerive wants the room that the buffer keeps for what functions answer.
func (v *validator) canDerive(path string) {
	if v.Buffer.MaxDisk < badgerlog.MinDeriving && !v.misread["buffer.max_disk"] {
		v.refuse(path, "a function needs a buffer.max_disk of at least %s, and it is %s", stream.Size(badgerlog.MinDeriving), v.Buffer.MaxDisk)
	}
}

func (v *validator) streams() {
	if len(v.Streams) == 0 && v.APIStreams.Directory == "" && v.APIStreams.Role == "" {
		v.warn("streams", "no stream is defined: add one under streams, or say in api_streams where those made through the API deliver")
	}
	for _, s := range v.Streams {
		path := join("streams", s.Name)
		for _, fault := range s.Validate() {
			v.refuse(join(path, fault.Path), "%s", fault.Message)
		}
		v.canEncrypt(join(path, "encrypt"), s)
		if s.Transform != nil {
			v.canDerive(join(path, "transform"))
		}
		for _, warning := range s.Warnings() {
			v.warn(join(path, warning.Path), "%s", warning.Message)
		}
	}
}
