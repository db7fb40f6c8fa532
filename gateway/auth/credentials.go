package auth

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Config is what the credentials file says: who may do what, and how each is known.
type Config struct {
	Principals map[string]PrincipalConfig `yaml:"principals"` // by name, which metrics and logs may show
}

// PrincipalConfig is one producer, or several that may do the same. Several credentials of one kind are for rotation: add
// the new one, reload, move the producers, remove the old one, reload.
type PrincipalConfig struct {
	AccessKeys   []AccessKey `yaml:"access_keys"`  // for the Firehose API
	APIKeys      []KeyHash   `yaml:"api_keys"`     // for the native API
	Certificates []string    `yaml:"certificates"` // SANs of client certificates: DNS names, URIs or mail addresses
	Allow        []Rule      `yaml:"allow"`        // what is not allowed is denied
}

// AccessKey is a pair of AWS's form, issued by whoever writes the file. The values may be ${VARIABLES}.
type AccessKey struct {
	ID     string `yaml:"id"`
	Secret string `yaml:"secret"`
	// SessionToken makes the pair a temporary one: requests must carry exactly this token.
	SessionToken string `yaml:"session_token"`
}

// KeyHash names an API key by its hash, as `hydrant keys new` prints it.
type KeyHash struct {
	SHA256 string `yaml:"sha256"` // 64 hexadecimal digits in lower case
}

// Rule allows each of the actions on each of the streams.
type Rule struct {
	Actions []string `yaml:"actions"` // put, read, manage, one of Actions, *
	Streams []string `yaml:"streams"` // names, in which * stands for any characters
}

// A Fault is one thing wrong with a Config. It quotes no secrets.
type Fault struct {
	Path    string // as principals.web.access_keys.0.id
	Message string
}

// Credentials are a Config made ready to judge requests by. They are immutable.
type Credentials struct {
	accessKeys   map[string]*accessKey
	apiKeys      map[[32]byte]*Principal
	certificates map[string]*Principal
	signing      signingKeys
}

// Principal is who requests are served for.
type Principal struct {
	name  string
	rules []Rule
}

// Actions of the data plane.
const (
	PutRecord      = "PutRecord"
	PutRecordBatch = "PutRecordBatch"
	Records        = "records"
	anything       = "*"
)

// Flush is the native API's action of sealing at once what a stream's open objects hold.
const Flush = "flush"

// Groups of actions.
const (
	Put    = "put"    // records
	Read   = "read"   // what streams there are, and how they are defined
	Manage = "manage" // Read, everything that changes streams, and Flush
)

// Actions are all that rules may name, by their group.
var Actions = map[string][]string{
	Put:  {PutRecord, PutRecordBatch, Records},
	Read: {"DescribeDeliveryStream", "ListDeliveryStreams", "ListTagsForDeliveryStream"},
	Manage: {
		"DescribeDeliveryStream", "ListDeliveryStreams", "ListTagsForDeliveryStream",
		"CreateDeliveryStream", "DeleteDeliveryStream", "UpdateDestination", "TagDeliveryStream", "UntagDeliveryStream",
		"StartDeliveryStreamEncryption", "StopDeliveryStreamEncryption", Flush,
	},
}

// isAction says whether a rule may name it.
func isAction(name string) bool {
	for group, actions := range Actions {
		if name == group || slices.Contains(actions, name) {
			return true
		}
	}
	return name == anything
}

func (p *Principal) may(action, stream string) bool {
	return slices.ContainsFunc(p.rules, func(r Rule) bool {
		return slices.ContainsFunc(r.Actions, func(allowed string) bool { return covers(allowed, action) }) &&
			slices.ContainsFunc(r.Streams, func(pattern string) bool { return matches(pattern, stream) })
	})
}

// maySome says whether some rule allows the action, whatever the stream.
func (p *Principal) maySome(action string) bool {
	return slices.ContainsFunc(p.rules, func(r Rule) bool {
		return slices.ContainsFunc(r.Actions, func(allowed string) bool { return covers(allowed, action) })
	})
}

func covers(allowed, action string) bool {
	return allowed == anything || allowed == action || slices.Contains(Actions[allowed], action)
}

func matches(pattern, stream string) bool {
	ok, err := path.Match(pattern, stream) // New lets through only letters, digits, _.- and *
	return ok && err == nil
}

// New checks the whole of config and makes it ready, or returns everything that is wrong with it.
func New(config Config) (*Credentials, []Fault) {
	b := &builder{credentials: &Credentials{
		accessKeys:   map[string]*accessKey{},
		apiKeys:      map[[32]byte]*Principal{},
		certificates: map[string]*Principal{},
	}}
	if len(config.Principals) == 0 {
		b.fault("principals", "no principal is named, so nobody could send anything")
	}
	for _, name := range slices.Sorted(maps.Keys(config.Principals)) {
		b.principal("principals."+name, name, config.Principals[name])
	}
	if len(b.faults) > 0 {
		return nil, b.faults
	}
	return b.credentials, nil
}

type builder struct {
	credentials *Credentials
	faults      []Fault
}

func (b *builder) fault(path, format string, values ...any) {
	b.faults = append(b.faults, Fault{Path: path, Message: fmt.Sprintf(format, values...)})
}

var (
	principalName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
	accessKeyID   = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,128}$`)
	streamPattern = regexp.MustCompile(`^[A-Za-z0-9_.*-]{1,64}$`)
)

func (b *builder) principal(path, name string, config PrincipalConfig) {
	if !principalName.MatchString(name) {
		b.fault(path, "a principal's name has 1 to 64 letters, digits, '_', '.' and '-'")
	}
	p := &Principal{name: name, rules: config.Allow}
	for i, key := range config.AccessKeys {
		b.accessKey(fmt.Sprintf("%s.access_keys.%d", path, i), key, p)
	}
	for i, key := range config.APIKeys {
		b.apiKey(fmt.Sprintf("%s.api_keys.%d", path, i), key, p)
	}
	for i, san := range config.Certificates {
		b.certificate(fmt.Sprintf("%s.certificates.%d", path, i), san, p)
	}
	for i, rule := range config.Allow {
		b.rule(fmt.Sprintf("%s.allow.%d", path, i), rule)
	}
}

func (b *builder) accessKey(path string, key AccessKey, p *Principal) {
	if !accessKeyID.MatchString(key.ID) {
		b.fault(path+".id", "an access key's id has 1 to 128 letters, digits, '_', '.' and '-'")
	}
	if len(key.Secret) < shortestSecret {
		b.fault(path+".secret", "a secret has at least %d characters; AWS's have 40", shortestSecret)
	}
	if b.credentials.accessKeys[key.ID] != nil {
		b.fault(path+".id", "this access key's id is named twice")
	}
	b.credentials.accessKeys[key.ID] = &accessKey{
		id: key.ID, secret: key.Secret, token: sha256.Sum256([]byte(key.SessionToken)), principal: p,
	}
}

// shortestSecret keeps a secret from being guessed out of a captured signature, in characters.
const shortestSecret = 16

func (b *builder) apiKey(path string, key KeyHash, p *Principal) {
	var hash [32]byte
	if !decodeHash(&hash, key.SHA256) {
		b.fault(path+".sha256", "an API key is named by its SHA-256, 64 hexadecimal digits in lower case, as hydrant keys new prints it")
		return
	}
	if b.credentials.apiKeys[hash] != nil {
		b.fault(path+".sha256", "this API key is named twice")
	}
	b.credentials.apiKeys[hash] = p
}

func (b *builder) certificate(path, san string, p *Principal) {
	if san == "" || strings.Contains(san, anything) {
		b.fault(path, "a certificate is known by a name in it, and names are compared whole")
	}
	if other := b.credentials.certificates[san]; other != nil {
		b.fault(path, "this name belongs to the principal %s already", other.name)
	}
	b.credentials.certificates[san] = p
}

func (b *builder) rule(path string, rule Rule) {
	if len(rule.Actions) == 0 || len(rule.Streams) == 0 {
		b.fault(path, "a rule names actions and streams, at least one of each")
	}
	for i, action := range rule.Actions {
		if !isAction(action) {
			b.fault(fmt.Sprintf("%s.actions.%d", path, i), "%q is not one of put, read, manage, *, records, flush, nor an operation of the Firehose API", action)
		}
	}
	for i, pattern := range rule.Streams {
		if !streamPattern.MatchString(pattern) {
			b.fault(fmt.Sprintf("%s.streams.%d", path, i), "%q is no stream's name, nor a pattern: 1 to 64 letters, digits, '_', '.', '-' and '*'", pattern)
		}
	}
}
