package firehose

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strconv"

	"github.com/valyala/fasthttp"

	"hydrant/buffer"
	"hydrant/gateway/ingest"
)

// appendAnswer writes compact JSON: Fluent Bit searches the answer for the bytes "FailedPutCount":0. Of so many records those
// that the receipt does not count were beyond the stream's quota.
func appendAnswer(dst []byte, op operation, stream *ingest.Stream, receipt buffer.Receipt, records int) []byte {
	id := stream.ID
	if op == putRecord {
		dst = append(dst, `{"RecordId":"`...)
		dst = appendRecordID(dst, id, receipt.Lane, receipt.First)
		dst = append(dst, `","Encrypted":`...)
		dst = strconv.AppendBool(dst, stream.Encrypted)
		return append(dst, '}')
	}
	dst = append(dst, `{"FailedPutCount":`...)
	dst = strconv.AppendInt(dst, int64(records-receipt.Count), 10)
	dst = append(dst, `,"Encrypted":`...)
	dst = strconv.AppendBool(dst, stream.Encrypted)
	dst = append(dst, `,"RequestResponses":[`...)
	dst = appendRecordIDs(dst, id, receipt)
	for range records - receipt.Count {
		dst = append(dst, `,{"ErrorCode":"ServiceUnavailableException","ErrorMessage":"Slow down."}`...)
	}
	return append(dst, `]}`...)
}

// appendRecordIDs lists the names of a batch's records. Those of one batch differ in their ends alone.
func appendRecordIDs(dst []byte, id buffer.StreamID, receipt buffer.Receipt) []byte {
	if receipt.Count == 0 {
		return dst
	}
	begin := len(dst)
	dst = append(dst, `{"RecordId":"`...)
	dst = appendRecordID(dst, id, receipt.Lane, receipt.First)
	dst = append(dst, `"},`...)
	size := len(dst) - begin
	for i := 1; i < receipt.Count; i++ {
		dst = append(dst, dst[begin:begin+size]...)
		end := recordID(id, receipt.Lane, receipt.First+buffer.Seq(i))
		base64.RawURLEncoding.Encode(dst[len(dst)-len(`"},`)-idEndEncoded:], end[idEnd:])
	}
	return dst[:len(dst)-1]
}

// appendRecordID names a record for ever: incarnations are never reused, and neither are a lane's sequences.
func appendRecordID(dst []byte, id buffer.StreamID, lane uint32, seq buffer.Seq) []byte {
	b := recordID(id, lane, seq)
	return base64.RawURLEncoding.AppendEncode(dst, b[:])
}

// What differs within a batch lies behind idEnd, where a group of letters of base64 begins.
const (
	idSize       = 28
	idEnd        = 18
	idEndEncoded = ((idSize-idEnd)*8 + 5) / 6
)

func recordID(id buffer.StreamID, lane uint32, seq buffer.Seq) (b [idSize]byte) {
	copy(b[:], id[:])
	binary.BigEndian.PutUint32(b[16:], lane)
	binary.BigEndian.PutUint64(b[20:], uint64(seq))
	return b
}

func writeHeaders(rc *fasthttp.RequestCtx) {
	rc.SetContentType("application/x-amz-json-1.1")
	var id [36]byte
	rc.Response.Header.SetBytesV("X-Amzn-Requestid", appendRequestID(id[:0]))
}

// appendRequestID writes a random UUID. It identifies an answer in two logs; nothing rests on its being secret.
func appendRequestID(dst []byte) []byte {
	var b [16]byte
	binary.NativeEndian.PutUint64(b[:], rand.Uint64())
	binary.NativeEndian.PutUint64(b[8:], rand.Uint64())
	b[6] = b[6]&0x0f | 0x40 // version 4
	b[8] = b[8]&0x3f | 0x80 // variant of RFC 9562
	dst = hex.AppendEncode(dst, b[:4])
	for _, part := range [][]byte{b[4:6], b[6:8], b[8:10], b[10:]} {
		dst = append(dst, '-')
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}
