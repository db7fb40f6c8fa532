package stream

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// S3's limits of what an object has beside its bytes. Keys and values of tags are counted in characters, those of metadata
// in bytes.
const (
	maxTags        = 10
	maxTagKey      = 128
	maxTagValue    = 256
	maxMetadata    = 2048
	ownMetadata    = 256 // kept for Hydrant's own, at its longest
	metadataPrefix = "hydrant-"
	maxKMSKey      = 2048
	maxRoleARN     = 2048
	maxExternalID  = 1224
	maxSessionName = 64
	tagPunctuation = "+-=._:/@"
	encryptedByS3  = "AES256"
	encryptedByKMS = "aws:kms"
	s3Path         = "destination.s3."
)

// storageClasses are Amazon's. Other stores have their own.
var storageClasses = []string{
	"STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE",
	"REDUCED_REDUNDANCY", "EXPRESS_ONEZONE", "OUTPOSTS",
}

var (
	storageClassForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	metadataKeyForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]*$`)
	roleForm         = regexp.MustCompile(`^arn:[a-z0-9-]+:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$`)
	externalIDForm   = regexp.MustCompile(`^[A-Za-z0-9_+=,.@:/-]{2,}$`)
	sessionNameForm  = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{2,}$`)
)

// s3Objects checks what objects get beside their bytes.
func (v *validation) s3Objects(s S3) {
	v.storageClass(s)
	v.tags(s.Tags)
	v.metadata(s.Metadata)
	switch s.SSE {
	case "", encryptedByS3, encryptedByKMS:
	default:
		v.add(s3Path+"sse", "%q is no encryption: write %s or %s", s.SSE, encryptedByS3, encryptedByKMS)
	}
	switch {
	case s.KMSKey == "":
	case s.SSE != encryptedByKMS:
		v.add(s3Path+"kms_key", "a key is used with sse: %s only: write that, or remove the key", encryptedByKMS)
	case len(s.KMSKey) > maxKMSKey || !isVisible(s.KMSKey) || strings.Contains(s.KMSKey, " "):
		v.add(s3Path+"kms_key", "%q is no key: write its id, its ARN or alias/NAME", s.KMSKey)
	}
}

func (v *validation) storageClass(s S3) {
	const path = s3Path + "storage_class"
	switch {
	case s.StorageClass == "":
	case s.Endpoint == "" && !slices.Contains(storageClasses, s.StorageClass):
		v.add(path, "%q is no storage class of Amazon S3: write one of %s", s.StorageClass, strings.Join(storageClasses, ", "))
	case !storageClassForm.MatchString(s.StorageClass):
		v.add(path, "%q is no storage class: write one that the store knows, such as STANDARD_IA", s.StorageClass)
	}
}

func (v *validation) tags(tags map[string]string) {
	const path = s3Path + "tags"
	if n := len(tags); n > maxTags {
		v.add(path, "there are %d tags; an object has at most %d", n, maxTags)
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		at, value := path+"."+key, tags[key]
		if size := utf8.RuneCountInString(key); size < 1 || size > maxTagKey {
			v.add(at, "the tag's key has %d characters; it must have 1 to %d", size, maxTagKey)
		}
		if size := utf8.RuneCountInString(value); size > maxTagValue {
			v.add(at, "the tag's value has %d characters; the limit is %d", size, maxTagValue)
		}
		if strings.HasPrefix(key, "aws:") {
			v.add(at, "keys that begin with aws: are Amazon's: choose another")
		}
		for _, text := range []string{key, value} {
			if !utf8.ValidString(text) || strings.ContainsFunc(text, notInTags) {
				v.add(at, "%q may hold only letters, digits, spaces and any of %s", text, tagPunctuation)
			}
		}
	}
}

func (v *validation) metadata(metadata map[string]string) {
	const path = s3Path + "metadata"
	size := 0
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		at, value := path+"."+key, metadata[key]
		size += len(key) + len(value)
		switch {
		case strings.HasPrefix(strings.ToLower(key), metadataPrefix):
			v.add(at, "keys that begin with %s are Hydrant's own: choose another", metadataPrefix)
		case strings.HasPrefix(strings.ToLower(key), "x-amz-meta-"):
			v.add(at, "x-amz-meta- is put before every key: leave it out")
		case !metadataKeyForm.MatchString(key):
			v.add(at, "the key %q may hold only a-z, 0-9, '_', '.' and '-', since the store keeps no capitals", key)
		}
		if !isVisible(value) || value != strings.TrimSpace(value) {
			v.add(at, "%q must be of visible ASCII characters, with spaces only between them", value)
		}
	}
	if limit := maxMetadata - ownMetadata; size > limit {
		v.add(path, "keys and values have %d bytes in all; the limit is %d, S3's of %d less what Hydrant's own take", size, limit, maxMetadata)
	}
}

// s3Credentials checks whose credentials are used.
func (v *validation) s3Credentials(s S3) {
	const path = s3Path
	v.profile(path, s.Profile)
	v.role(path, s.RoleARN, s.ExternalID)
	if s.RoleARN == "" {
		if s.RoleSessionName != "" {
			v.add(path+"role_session_name", "it is for a role: write role_arn or remove it")
		}
		return
	}
	if s.RoleSessionName != "" && (!sessionNameForm.MatchString(s.RoleSessionName) || len(s.RoleSessionName) > maxSessionName) {
		v.add(path+"role_session_name", "%q is no name of a session: it has 2 to %d letters, digits and any of _+=,.@-",
			s.RoleSessionName, maxSessionName)
	}
}

// region checks the one below path.
func (v *validation) region(path, region string) {
	if !utf8.ValidString(region) || strings.ContainsAny(region, " /\t\r\n") {
		v.add(path+"region", "%q is no region: write one such as us-east-1", region)
	}
}

// profile checks the one below path.
func (v *validation) profile(path, profile string) {
	if !utf8.ValidString(profile) || strings.ContainsFunc(profile, unicode.IsControl) || strings.ContainsAny(profile, "[]") {
		v.add(path+"profile", "%q is no name of a profile: write one that stands in the AWS config or credentials file", profile)
	}
}

// role checks the one below path, and the external id that it may ask for.
func (v *validation) role(path, arn, externalID string) {
	switch {
	case arn == "" && externalID != "":
		v.add(path+"external_id", "it is for a role: write role_arn or remove it")
		return
	case arn == "":
		return
	case !roleForm.MatchString(arn) || len(arn) > maxRoleARN:
		v.add(path+"role_arn", "%q is no role: write its ARN, such as arn:aws:iam::123456789012:role/delivery", arn)
	}
	if externalID != "" && (!externalIDForm.MatchString(externalID) || len(externalID) > maxExternalID) {
		v.add(path+"external_id", "%q is no external id: it has 2 to %d letters, digits and any of _+=,.@:/-", externalID, maxExternalID)
	}
}

// notInTags reports a character that S3 takes in no tag.
func notInTags(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != ' ' && !strings.ContainsRune(tagPunctuation, r)
}

// isVisible reports whether text is of ASCII characters that a header holds as they are.
func isVisible(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}
