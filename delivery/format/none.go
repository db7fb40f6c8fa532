package format

import "io"

// noneCodec leaves the bytes as they are.
type noneCodec struct{}

func (noneCodec) Name() string            { return "none" }
func (noneCodec) Extension() string       { return "" }
func (noneCodec) ContentEncoding() string { return "" }

func (noneCodec) Chunk(dst, raw []byte) []byte { return append(dst, raw...) }

func (noneCodec) Wrap(Totals) (head, tail []byte) { return nil, nil }

func (noneCodec) Decode(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(r), nil }
