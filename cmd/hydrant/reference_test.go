package main

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"hydrant/stream"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

const referenceFile = "../../docs/configuration.md"

const referenceHead = `# Configuration

Every key of the configuration file, made from the program by ` + "`go test ./cmd/hydrant -run Reference -update`" + `.
[configs/](../configs) holds examples, and ` + "`hydrant check --config FILE`" + ` prints what is in force, with every fault by line and
column. An unknown key is a fault. Sizes are written as ` + "`64MiB`" + `, times as ` + "`60s`" + `.

SIGHUP makes a node read its file again: streams and credentials change at once, without losing or doubling a record; a file with a fault,
or with another value outside ` + "`streams`" + `, changes nothing and is reported in the log and in
` + "`hydrant_config_last_reload_successful`" + `.
`

// The reference says what the program does: its keys, defaults and words come from the types that the file is read into.
func TestConfigurationReference(t *testing.T) {
	r := configurationReference{comments: map[string]string{}}
	for _, dir := range []string{".", "../../stream"} {
		if err := r.collect(dir); err != nil {
			t.Fatal(err)
		}
	}
	r.out.WriteString(referenceHead)
	r.out.WriteString("\n## Settings\n\nEach can also be given in the environment, which wins over the file.\n\n" +
		"| key | environment | default | meaning |\n|---|---|---|---|\n")
	r.settings(reflect.ValueOf(defaults()).Elem(), "")
	s := stream.Stream{Name: "NAME"}.WithDefaults()
	r.out.WriteString("\n## Streams\n\nBelow `streams.NAME`, where NAME is the stream's. A value may hold `${VARIABLE}` of the environment; " +
		"`$${` stands for `${` itself.\n\n| key | default | meaning |\n|---|---|---|\n")
	r.stream(reflect.ValueOf(s), "")
	if *update {
		if err := os.WriteFile(referenceFile, r.out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, r.out.Bytes()) {
		t.Error("docs/configuration.md does not say what the program does: run go test ./cmd/hydrant -run Reference -update")
	}
}

// configurationReference builds the text.
type configurationReference struct {
	comments map[string]string // by type and field, as Limits.Body
	out      bytes.Buffer
}

// collect reads the comments of a package's struct fields.
func (r *configurationReference) collect(dir string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if s, ok := spec.Type.(*ast.StructType); ok {
					r.collectFields(spec.Name.Name, s)
				}
			}
			return true
		})
	}
	return nil
}

// computed are the defaults that depend on the machine or on other settings.
var computed = map[string]string{
	"memory":              "a quarter of the machine's or the container's memory, 128MiB to 384MiB",
	"limits.in_flight":    "a quarter of `memory`",
	"buffer.stream_share": "half of `buffer.max_disk`",
}

func (r *configurationReference) collectFields(name string, s *ast.StructType) {
	for _, f := range s.Fields.List {
		text := f.Doc.Text()
		if text == "" {
			text = f.Comment.Text()
		}
		for _, n := range f.Names {
			text := strings.Join(strings.Fields(text), " ")
			for _, opening := range []string{n.Name + " is ", n.Name + " are ", n.Name + " "} {
				text = strings.TrimPrefix(text, opening)
			}
			r.comments[name+"."+n.Name] = strings.ReplaceAll(strings.TrimSuffix(text, "."), "<", "&lt;")
		}
	}
}

// each calls fn with the fields that the file can give, in the order of the type.
func (r *configurationReference) each(v reflect.Value, path string, fn func(path, meaning string, v reflect.Value)) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if key != "" && key != "-" {
			fn(join(path, key), r.comments[v.Type().Name()+"."+f.Name], v.Field(i))
		}
	}
}

func (r *configurationReference) settings(v reflect.Value, path string) {
	r.each(v, path, func(path, meaning string, v reflect.Value) {
		if !isScalar(v.Type()) {
			r.settings(v, path)
			return
		}
		variable := variablePrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
		fmt.Fprintf(&r.out, "| `%s` | `%s` | %s | %s |\n", path, variable, cmp.Or(computed[path], shown(v)), meaning)
	})
}

func (r *configurationReference) stream(v reflect.Value, path string) {
	r.each(v, path, func(path, meaning string, v reflect.Value) {
		of := v
		if of.Kind() == reflect.Pointer {
			of = reflect.New(of.Type().Elem()).Elem()
		}
		if of.Kind() == reflect.Struct && !isScalar(of.Type()) {
			r.stream(of, path)
			return
		}
		fmt.Fprintf(&r.out, "| `%s` | %s | %s |\n", path, shown(v), meaning)
	})
}

// shown is a default as the file would give it.
func shown(v reflect.Value) string {
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.IsZero() {
		return ""
	}
	if v.Kind() == reflect.String {
		return fmt.Sprintf("`%q`", v)
	}
	return fmt.Sprintf("`%v`", v)
}
