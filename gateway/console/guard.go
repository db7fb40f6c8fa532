package console

import (
	"net"
	"net/http"
	"net/netip"
)

// ownHeader is sent by the page with every request that is not a plain look. Another site's page can't send it without
// asking first, and is never allowed to.
const ownHeader = "X-Hydrant-Console"

// guarded keeps other sites out: their pages can neither read what the console shows nor act through a visitor's browser.
func guarded(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if foreign(r) {
			http.Error(w, "this listener is on loopback: open the console as localhost or by its address, not as "+r.Host, http.StatusForbidden)
			return
		}
		if r.Method == http.MethodPost && (origins.Check(r) != nil || r.Header.Get(ownHeader) == "") {
			http.Error(w, "only the console's own page may do this; a program sends the header "+ownHeader, http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// foreign reports whether a loopback listener was reached under a name that somebody else may own: a site whose name was
// made to point here would count as this page's own origin.
func foreign(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	_, err := netip.ParseAddr(host)
	return host != "localhost" && err != nil
}
