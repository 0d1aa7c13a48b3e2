package collect

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"footfall/event"
)

// Headers that proxies name a sender's address in. The first and the last hold
// a list, to which each proxy adds; any other one holds one address.
const (
	listHeader     = "X-Forwarded-For"
	oneHeader      = "X-Real-Ip"
	standardHeader = "Forwarded" // RFC 7239
)

// clientAddr is the address a request comes from, and whether it was read from
// the header that the trusted proxies set, else it is the connection's. That
// header counts only if the connection comes from a trusted proxy, and no other
// one does: what a proxy does not set itself it hands on as the sender wrote it.
// Of a list it is the rightmost address that is no trusted proxy: everything left
// of it is hearsay.
func (c *Collector) clientAddr(r *http.Request) (addr netip.Addr, told bool) {
	addr = peer(r)
	values := r.Header[c.ProxyHeader]
	if len(values) == 0 || !c.trusts(addr) {
		return addr, false
	}
	if c.ProxyHeader == listHeader || c.ProxyHeader == standardHeader {
		if found, ok := c.rightmost(values, c.ProxyHeader == standardHeader); ok {
			return found, true
		}
		return addr, false
	}
	if found, err := parseHop(values[len(values)-1]); err == nil {
		return found, true
	}
	return addr, false
}

// Client is the address a request comes from, as far as it is known: that of
// the connection, or what a trusted proxy says. It must not be kept.
func (c *Collector) Client(r *http.Request) netip.Addr {
	addr, _ := c.clientAddr(r)
	return addr
}

// peer is the address of the connection's other end.
func peer(r *http.Request) netip.Addr {
	port, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{} // a local socket
	}
	return port.Addr().Unmap().WithZone("")
}

func (c *Collector) trusts(addr netip.Addr) bool {
	for _, p := range c.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// rightmost walks the lists from their end to the first address that is no
// trusted proxy. What can't be read ends the walk at the last address before it.
func (c *Collector) rightmost(lists []string, forwarded bool) (found netip.Addr, ok bool) {
	for i := len(lists) - 1; i >= 0; i-- {
		rest := lists[i]
		for rest != "" {
			comma := strings.LastIndexByte(rest, ',')
			hop := rest[comma+1:]
			rest = rest[:max(comma, 0)]
			if forwarded {
				hop = forwardedFor(hop)
			}
			addr, err := parseHop(hop)
			if err != nil {
				return found, ok
			}
			if found, ok = addr, true; !c.trusts(addr) {
				return found, ok
			}
		}
	}
	return found, ok
}

// forwardedFor is the for parameter of one element of a Forwarded header (RFC 7239).
func forwardedFor(element string) string {
	for pair := range strings.SplitSeq(element, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if strings.EqualFold(name, "for") {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}

// parseHop reads an address with or without port and brackets.
func parseHop(hop string) (netip.Addr, error) {
	hop = strings.TrimSpace(hop)
	if port, err := netip.ParseAddrPort(hop); err == nil {
		return port.Addr().Unmap().WithZone(""), nil
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(hop, "["), "]"))
	return addr.Unmap().WithZone(""), err
}

// Sight is as whom the collector sees somebody, and why. It must not be kept.
type Sight struct {
	Addr, From netip.Addr // the sender's, and that of the connection's other end
	Told       bool       // a trusted proxy said it, in Header
	Ours       bool       // the connection comes from a trusted proxy
	Header     string     // that proxies are believed in
	Unused     []string   // headers that came and are not believed
}

// Sight looks at who asks.
func (c *Collector) Sight(r *http.Request) Sight {
	s := Sight{From: peer(r), Header: c.ProxyHeader}
	s.Addr, s.Told = c.clientAddr(r)
	s.Ours = c.trusts(s.From)
	names := []string{listHeader, oneHeader, standardHeader}
	if !slices.Contains(names, c.ProxyHeader) {
		names = append(names, c.ProxyHeader)
	}
	for _, name := range names {
		if len(r.Header[name]) > 0 && !(s.Told && name == c.ProxyHeader) {
			s.Unused = append(s.Unused, name)
		}
	}
	return s
}

// debugMe tells a person as whom the collector sees them, and why.
func (c *Collector) debugMe(w http.ResponseWriter, r *http.Request, _ event.Kind) *refusal {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h["Cache-Control"] = noStore
	s := c.Sight(r)
	if s.Told {
		fmt.Fprintf(w, "I see you as %v because of header %s, which I take from the trusted proxy %v.\n", s.Addr, s.Header, s.From)
	} else {
		fmt.Fprintf(w, "I see you as %v because of the connection itself.\n", s.Addr)
	}
	for _, name := range s.Unused {
		fmt.Fprintf(w, "Header %s is not used: ", name)
		switch {
		case !s.Ours:
			fmt.Fprintf(w, "%v is not among the trusted proxies.\n", s.From)
		case name == s.Header:
			fmt.Fprintln(w, "it holds no address.")
		default:
			fmt.Fprintf(w, "anybody may have written it, as the proxy sets %s. If it sets this one, start with --proxy-header %s\n", s.Header, name)
		}
	}
	c.Count("request", "200", 1)
	return nil
}
