package native

import (
	"fmt"

	"github.com/valyala/fasthttp"

	"hydrant/gateway/auth"
	"hydrant/gateway/ingest"
)

const (
	keyHeader  = "Idempotency-Key"
	longestKey = 255
)

// replayHeader, with the value true, is what hydrant replay sends.
const replayHeader = "Hydrant-Replay"

// keyOf reads the header that makes a request one that can be sent again. It is opaque: quotes, where there are any, are
// part of it.
func keyOf(h *fasthttp.RequestHeader) (ingest.Key, error) {
	values := h.PeekAll(keyHeader)
	if len(values) == 0 {
		return ingest.Key{}, nil
	}
	value := values[0]
	if n := len(value); n == 0 || n > longestKey {
		return ingest.Key{}, invalidKey(fmt.Sprintf("it has %d characters", n))
	}
	if len(values) > 1 {
		return ingest.Key{}, invalidKey(fmt.Sprintf("it was sent %d times", len(values)))
	}
	for i, c := range value {
		if c < '!' || c > '~' {
			return ingest.Key{}, invalidKey(fmt.Sprintf("character %d is %q", i+1, c))
		}
	}
	return ingest.Key{Operation: auth.Records, Value: value}, nil
}

func invalidKey(seen string) error {
	return &ingest.Error{
		Code: ingest.InvalidKey,
		Detail: fmt.Sprintf("%s must be one header of 1 to %d visible ASCII characters, but %s; send something random, such as a UUID",
			keyHeader, longestKey, seen),
	}
}
