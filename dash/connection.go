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
	v.Class = in.class(v.Addr)
	v.Addr, v.near = netip.Addr{}, isNear(v.Addr) // no page has the address itself
	v.judge(in.tongue)
	d.show(w, http.StatusOK, "connection.html", in, v)
}

// judge says what follows for those who are counted.
func (v *connectionView) judge(l tongue) {
	switch {
	case v.Told:
		v.Good, v.Says = true, l.Say("Addresses come through: a trusted proxy names yours in {header}.", v.Header)
	case len(v.Unused) > 0 && !v.Ours:
		v.Says, v.Next = l.Say("Something in between names your address, and is not believed, as it is not among the trusted proxies. If it is your proxy, all visitors look like one address to this server."), l.Say("Give the server the proxy's network, such as 127.0.0.1/32 for one on this machine, and the header that it sets:")
	case len(v.Unused) > 0:
		v.Says, v.Next = l.Say("Your proxy is trusted, but does not name your address in the header that is believed."), l.Say("Give the server the header that the proxy sets itself:")
	case v.near:
		v.Says, v.Next = l.Say("You come from this machine or its own network. If people elsewhere see the same here, the proxy in front does not hand on their addresses, and all of them look like one."), l.Say("Let the proxy set a header, and the server believe it:")
	default:
		v.Good, v.Says = true, l.Say("You come straight from the internet: no proxy is in between, or it hides itself well.")
	}
}

// isNear reports whether an address may be that of a proxy beside this server.
func isNear(a netip.Addr) bool {
	return !a.IsValid() || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || shared.Contains(a)
}

// shared is what providers share among customers (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// class is what sort of address it is, which tells nobody whose.
func (l tongue) class(a netip.Addr) string {
	family := "IPv6"
	if a.Is4() {
		family = "IPv4"
	}
	switch {
	case !a.IsValid():
		return l.Say("none: a local socket")
	case a.IsLoopback():
		return l.Say("{family}, this machine itself", family)
	case a.IsPrivate():
		return l.Say("{family}, of a private network", family)
	case a.IsLinkLocalUnicast():
		return l.Say("{family}, of the same link", family)
	case shared.Contains(a):
		return l.Say("{family}, shared by a provider's customers", family)
	}
	return l.Say("{family}, public", family)
}
