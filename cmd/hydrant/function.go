package main

import (
	"context"

	"hydrant/delivery/transform"
	"hydrant/delivery/transform/endpoint"
	"hydrant/delivery/transform/lambda"
	"hydrant/delivery/transform/wasm"
	"hydrant/stream"
)

// openFunction makes what calls a stream's function.
func openFunction(ctx context.Context, t stream.Transform) (transform.Invoker, error) {
	switch {
	case t.Lambda != nil:
		return lambda.New(ctx, *t.Lambda)
	case t.HTTP != nil:
		return endpoint.New(*t.HTTP), nil
	}
	return wasm.New(ctx, *t.WASM)
}
