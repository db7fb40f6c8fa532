// Package outbound keeps what a definition names from leading to where clouds keep credentials.
package outbound

import (
	"errors"
	"net/netip"
	"syscall"
)

// ErrForbidden says that an address is not called.
var ErrForbidden = errors.New("link-local addresses are not called, since clouds keep credentials there")

// metadata are addresses of clouds' metadata services that are not link-local.
var metadata = map[netip.Addr]bool{
	netip.MustParseAddr("fd00:ec2::254"):   true,
	netip.MustParseAddr("100.100.100.200"): true,
}

// Guard is the Control of a net.Dialer that connects to no such address. It looks at what a name has come to, so that neither
// a name nor a redirect leads past it.
func Guard(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if ip := to.Addr().Unmap().WithZone(""); ip.IsLinkLocalUnicast() || ip.IsMulticast() || metadata[ip] {
		return ErrForbidden
	}
	return nil
}
