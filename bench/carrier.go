package bench

// A Carrier takes one producer's bodies to a server that is not Hydrant's kind: the same load, for a comparison. One
// goroutine uses it at a time.
type Carrier interface {
	// Carry returns nil when the server has answered, by its own protocol, that it has the body, and an error within the
	// options' timeout if it has not.
	Carry(body []byte) error
	Close()
}

// carry sends a body by the carrier. Whatever fails leaves it open what became of the body.
func (c *connection) carry(body []byte, records int) answer {
	if err := c.carrier.Carry(body); err != nil {
		c.parts = append(c.parts[:0], part{records: records, outcome: unknown, failure: "not carried"})
		return answer{parts: c.parts, detail: err.Error()}
	}
	c.parts = append(c.parts[:0], part{records: records, outcome: acked})
	return answer{parts: c.parts}
}
