package dash

import (
	"net/http"
	"net/netip"
)

// connectionView is how this server sees who looks, without the address itself.
type connectionView struct {
	Sight
	Class      string
	Secure     bool
	Public     string
	Host       string
	Says, Next string
	Good       bool
	near       bool // it may be a proxy's
}

// connection checks whether addresses and the scheme come through a proxy.
func (d *Door) connection(w http.ResponseWriter, r *http.Request, in visit) {
	if d.Setup == nil {
		d.refuse(w, http.StatusNotFound, "This server tells nothing of itself.")
		return
	}
	v := connectionView{Sight: d.Setup.Sight(r), Secure: d.secure(r), Public: d.Public, Host: r.Host}
	v.Class = class(v.Addr)
	v.Addr, v.near = netip.Addr{}, isNear(v.Addr) // no page has the address itself
	v.judge()
	d.show(w, http.StatusOK, "connection.html", in, v)
}

// judge says what follows for those who are counted.
func (v *connectionView) judge() {
	switch {
	case v.Told:
		v.Good, v.Says = true, "Addresses come through: a trusted proxy names yours in "+v.Header+"."
	case len(v.Unused) > 0 && !v.Ours:
		v.Says, v.Next = "Something in between names your address, and is not believed, as it is not among the trusted proxies. If it is your proxy, all visitors look like one address to this server.", "Give the server the proxy's network, such as 127.0.0.1/32 for one on this machine, and the header that it sets:"
	case len(v.Unused) > 0:
		v.Says, v.Next = "Your proxy is trusted, but does not name your address in the header that is believed.", "Give the server the header that the proxy sets itself:"
	case v.near:
		v.Says, v.Next = "You come from this machine or its own network. If people elsewhere see the same here, the proxy in front does not hand on their addresses, and all of them look like one.", "Let the proxy set a header, and the server believe it:"
	default:
		v.Good, v.Says = true, "You come straight from the internet: no proxy is in between, or it hides itself well."
	}
}

// isNear reports whether an address may be that of a proxy beside this server.
func isNear(a netip.Addr) bool {
	return !a.IsValid() || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || shared.Contains(a)
}

// shared is what providers share among customers (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// class is what sort of address it is, which tells nobody whose.
func class(a netip.Addr) string {
	family := "IPv6"
	if a.Is4() {
		family = "IPv4"
	}
	switch {
	case !a.IsValid():
		return "none: a local socket"
	case a.IsLoopback():
		return family + ", this machine itself"
	case a.IsPrivate():
		return family + ", of a private network"
	case a.IsLinkLocalUnicast():
		return family + ", of the same link"
	case shared.Contains(a):
		return family + ", shared by a provider's customers"
	}
	return family + ", public"
}
