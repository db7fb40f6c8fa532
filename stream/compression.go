package stream

import (
	"regexp"
	"slices"
	"strings"
)

// Compressions are the names of all that a stream's objects can be compressed with.
func Compressions() []string {
	return []string{"none", "gzip", "zstd", "snappy", "hadoop-snappy", "zip"}
}

// firehoseCompressions are the names that Firehose's API has for some of them.
var firehoseCompressions = map[string]string{
	"UNCOMPRESSED": "none", "GZIP": "gzip", "ZIP": "zip", "SNAPPY": "snappy", "HADOOP_SNAPPY": "hadoop-snappy",
}

// maxExtension and extensionForm are Firehose's.
const maxExtension = 128

var extensionForm = regexp.MustCompile(`^\.[0-9a-z!\-_.*'()]+$`)

// object checks what objects are made of.
func (v *validation) object() {
	if name := v.stream.Compression; !slices.Contains(Compressions(), name) {
		v.add("compression", "%q is not supported: write %s", name, compressionMeant(name))
	}
	extension := v.stream.FileExtension
	if extension != "" && !extensionForm.MatchString(extension) {
		v.add("file_extension", "%q is no extension: write a dot and then characters out of a-z, 0-9 and !-_.*'(), such as .json.gz",
			extension)
	}
	if size := len(extension); size > maxExtension {
		v.add("file_extension", "the extension has %d characters; the limit is %d", size, maxExtension)
	}
}

// compressionMeant is what to write instead of a name that is not known.
func compressionMeant(name string) string {
	if ours, ok := firehoseCompressions[strings.ToUpper(name)]; ok {
		return ours
	}
	all := Compressions()
	return strings.Join(all[:len(all)-1], ", ") + " or " + all[len(all)-1]
}

// orExtension adds to the advice on a key that is too long.
func (v *validation) orExtension() string {
	if len(v.stream.FileExtension) > compressionExtension {
		return " or file_extension"
	}
	return ""
}
