// Package stream holds the pipeline's shared noun: a delivery stream's definition, its defaults and its validation.
//
// A definition comes in from YAML or the API. WithDefaults fills in what it leaves out, Validate names every fault with the
// path of its field, and from then on it is data that nobody changes. Encode and Decode are its form in the buffer, where a
// member that a later release may have written, and this one does not know, is refused rather than passed over.
//
// The package imports nothing of ours but the languages that definitions are written in, expr and jq. It knows no store and
// no network: whether a bucket is there is delivery's to find out.
package stream
