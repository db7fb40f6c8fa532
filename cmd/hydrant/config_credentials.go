package main

import (
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"

	"hydrant/gateway/auth"
)

// credentials checks what settings say of them; loadCredentials checks the file.
func (v *validator) credentials() {
	if v.AdminAuth != "" {
		v.oneOf("admin_auth", v.AdminAuth, "none")
	}
	if v.Credentials != "" && v.Auth != "" {
		v.refuse("auth", "%s would let everyone in although %s asks for credentials; take one of the two away", v.Auth, "credentials")
	}
	if v.Credentials == "" && v.AdminAuth != "" {
		v.refuse("admin_auth", "it stands beside credentials; without them both listeners are on loopback")
	}
	if (v.TLS.Certificate == "") != (v.TLS.Key == "") {
		v.refuse("tls", "a certificate and its key go together; one of them is not named")
	}
	if v.TLS.ClientCA != "" && v.TLS.Certificate == "" {
		v.refuse("tls.client_ca", "client certificates are asked for over TLS only; name tls.certificate and tls.key")
	}
}

// withoutCredentials is why a listener must not be where other machines reach it, and what to do.
func (v *validator) withoutCredentials(path, address string) string {
	why := "a node without credentials serves this machine alone"
	if v.Auth != "" {
		why = "auth: none is for development on this machine alone"
	}
	instead := "listen on loopback, behind a proxy that asks for credentials if others are to reach it"
	if path == "admin" {
		instead = "listen on loopback"
	}
	return address + " can be reached from other machines, and " + why + ": name a file of credentials in credentials " +
		"(hydrant keys new makes an API key and prints such a file), or " + instead
}

func (v *validator) encrypted(address string) {
	if v.TLS.Certificate == "" {
		v.warn("listen", "%s can be reached from other machines without TLS: an API key can be read on the way, and a signed request sent again; "+
			"name tls.certificate and tls.key, unless a proxy in front ends TLS", address)
	}
}

// LoadServed is Load for a node that lets producers in: it reads the files of credentials and TLS too.
func LoadServed(path string, environ []string) (*Config, error) {
	c, err := Load(path, environ)
	if err != nil {
		return nil, err
	}
	if _, err := c.TLS.open(nil); err != nil {
		return nil, err
	}
	if c.Credentials == "" {
		return c, nil
	}
	var warnings Faults
	c.Producers, warnings, err = loadCredentials(c.Credentials, parseEnvironment(environ))
	c.Warnings = append(c.Warnings, warnings...)
	return c, err
}

// loadCredentials reads the file at path. Its faults do not show its lines, which hold secrets. A value in it may hold
// ${NAME}, replaced by that variable of the environment.
func loadCredentials(path string, variables environment) (*auth.Credentials, Faults, error) {
	_, text, err := readConfig(path)
	if err != nil {
		return nil, nil, fmt.Errorf("credentials: %w", err)
	}
	found := newReport(path, nil)
	credentials := parseCredentials(found, text, variables)
	if len(found.faults) > 0 {
		return nil, nil, found.faults
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o007 != 0 {
		found.warn("", "every user of this machine can read the credentials; chmod 600 %s", path)
	}
	return credentials, found.warnings, nil
}

// parseCredentials is nil where found says what is wrong. It shows values as they are written, and not what a variable that
// they name holds.
func parseCredentials(found *report, text []byte, variables environment) *auth.Credentials {
	d := newDecoder(found)
	written := map[string]string{} // values in quotes, by what becomes of them
	d.expand = func(text string) (string, []string) {
		value, faults := variables.expand(text, nil)
		if value != text {
			written[strconv.Quote(value)] = strconv.Quote(text)
		}
		return value, faults
	}
	var config auth.Config
	if root := d.parse(text); root != nil {
		d.fields(d.mapping(root, ""), reflect.ValueOf(&config).Elem())
	}
	if len(found.faults) > 0 {
		return nil
	}
	credentials, faults := auth.New(config)
	for _, fault := range faults {
		message := fault.Message
		for value, text := range written {
			message = strings.ReplaceAll(message, value, text)
		}
		found.fault(fault.Path, "%s", message)
	}
	found.sort()
	return credentials
}
