package wasm

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// maxModule bounds a module's file: compiling takes many times its size of memory.
const maxModule = 64 << 20

// read returns a module's file.
func read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	binary, err := io.ReadAll(io.LimitReader(file, maxModule+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if len(binary) > maxModule {
		return nil, fmt.Errorf("%s has more than %d bytes: build it smaller, without what only debuggers read", path, maxModule)
	}
	return binary, nil
}

const start = "_start" // what a command exports to be run

// check says what a module lacks, or asks for, so that it cannot be run.
func (f *Function) check() error {
	const command = "build it as a command of WASI preview 1"
	entry, exported := f.module.ExportedFunctions()[start]
	switch {
	case !exported:
		return fmt.Errorf("it exports no function %s, and so it is no command: %s", start, command)
	case len(entry.ParamTypes())+len(entry.ResultTypes()) > 0:
		return fmt.Errorf("its function %s takes or returns values, and so it is no command: %s", start, command)
	}
	host := f.runtime.Module(wasi_snapshot_preview1.ModuleName).ExportedFunctionDefinitions()
	for _, wanted := range f.module.ImportedFunctions() {
		module, name, _ := wanted.Import()
		if module != wasi_snapshot_preview1.ModuleName || !sameType(host[name], wanted) {
			return fmt.Errorf("it imports %s of %s, which there is not: %s", name, module, command)
		}
	}
	for _, wanted := range f.module.ImportedMemories() {
		module, name, _ := wanted.Import()
		return fmt.Errorf("it imports the memory %s of %s, which there is not: %s", name, module, command)
	}
	return nil
}

// sameType reports whether a function is there and takes and returns what is wanted.
func sameType(f, wanted api.FunctionDefinition) bool {
	return f != nil && slices.Equal(f.ParamTypes(), wanted.ParamTypes()) && slices.Equal(f.ResultTypes(), wanted.ResultTypes())
}
