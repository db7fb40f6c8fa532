// Package wasm runs functions in the node: modules of WebAssembly that are commands of WASI preview 1. Each call is a run of
// its own, with the request on standard input and the answer on standard output, in memory of its own and with nothing else
// of the machine: no files, no network, no environment, and a clock that says the time.
package wasm

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"

	"hydrant/delivery/transform"
	"hydrant/stream"
)

const pageSize = 64 << 10 // of WebAssembly's memory

// Function implements transform.Invoker.
type Function struct {
	runtime wazero.Runtime
	module  wazero.CompiledModule
}

// New reads and compiles the module. It fails where no call of the module could do anything.
func New(ctx context.Context, d stream.WASM) (*Function, error) {
	binary, err := read(d.Path)
	if err != nil {
		return nil, fmt.Errorf("read the module: %w", err)
	}
	// A run is ended when its context is, in the midst of whatever it does.
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().
		WithCloseOnContextDone(true).WithMemoryLimitPages(uint32(d.Memory/pageSize)))
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, runtime); err != nil {
		return nil, errors.Join(err, runtime.Close(ctx))
	}
	module, err := runtime.CompileModule(ctx, binary)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("compile %s: %w", d.Path, err), runtime.Close(ctx))
	}
	f := &Function{runtime, module}
	if err := f.check(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", d.Path, err), f.Close())
	}
	return f, nil
}

// Invoke implements transform.Invoker.
func (f *Function) Invoke(ctx context.Context, request []byte) ([]byte, error) {
	answer, errorText := &bounded{limit: transform.MaxPayload}, &bounded{limit: 4 << 10}
	run, err := f.runtime.InstantiateModule(ctx, f.module, wazero.NewModuleConfig().
		WithName("").WithArgs("transform").
		WithStdin(bytes.NewReader(request)).WithStdout(answer).WithStderr(errorText).
		WithSysWalltime().WithSysNanotime())
	if run != nil {
		err = errors.Join(err, run.Close(context.WithoutCancel(ctx)))
	}
	var exit *sys.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 0 {
		err = nil
	}
	switch {
	case answer.passed:
		return nil, &transform.Error{
			Class: transform.Failed, Code: transform.AnswerTooLarge,
			Err: fmt.Errorf("the answer has more than %d bytes", transform.MaxPayload),
		}
	case err != nil:
		return nil, &transform.Error{Class: transform.Failed, Code: transform.FunctionError, Err: fmt.Errorf("%w %s", err, errorText.Bytes())}
	}
	return answer.Bytes(), nil
}

// Close lets the module go. No call is under way.
func (f *Function) Close() error { return f.runtime.Close(context.Background()) }

// bounded takes what a module writes, up to a limit.
type bounded struct {
	bytes.Buffer
	limit  int
	passed bool
}

var errPassed = errors.New("more than is taken")

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		b.passed = true
		return 0, errPassed
	}
	return b.Buffer.Write(p)
}
