package buffer

import "hash/crc32"

// A block's checksum is taken where the block is made, by the producer and while its bytes are in the processor's cache. Its place
// in the lane is known only later, and by one goroutine for all: there the checksum is corrected for the few bytes that change,
// without a look at the payload. That is possible because of two messages of one length the checksums' difference is the
// remainder of the messages' difference.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum covers a block's header but for its last field, and the stored payload.
func checksum(block []byte) uint32 {
	return crc32.Update(crc32.Checksum(block[:atChecksum], castagnoli), castagnoli, block[HeaderSize:])
}

// behind is what a difference of checksums becomes when n bytes, the same in both messages, follow.
func behind(difference uint32, n int) uint32 {
	for k := 0; n > 0; n, k = n>>1, k+1 {
		if n&1 == 1 {
			difference = multiply(difference, zeros[k])
		}
	}
	return difference
}

// zeros[k] is what 1<<k zero bytes multiply a remainder by.
var zeros = func() (powers [31]uint32) {
	power := uint32(1) << (31 - 8) // x^8, one byte
	for k := range powers {
		powers[k] = power
		power = multiply(power, power)
	}
	return powers
}()

// multiply multiplies polynomials modulo that of CRC-32C. Bits are reflected: the highest one is the coefficient of x^0.
func multiply(a, b uint32) (product uint32) {
	for ; a != 0; a <<= 1 {
		if a>>31 == 1 {
			product ^= b
		}
		b = b>>1 ^ crc32.Castagnoli&-(b&1)
	}
	return product
}
