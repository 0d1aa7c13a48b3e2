package collect

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"footfall/event"
)

// clientAddr is the address a request comes from, and the header it was read
// from ("" if it is the connection's). A header counts only if the connection
// comes from a trusted proxy; of a list, the rightmost address that is no
// trusted proxy: everything left of it is hearsay.
func (c *Collector) clientAddr(r *http.Request) (addr netip.Addr, header string) {
	addr = peer(r)
	if len(c.TrustedProxies) == 0 || !c.trusts(addr) {
		return addr, ""
	}
	for _, header := range [...]string{"X-Forwarded-For", "X-Real-Ip", "Forwarded"} {
		values := r.Header[header]
		if header == "X-Real-Ip" {
			values = values[:min(1, len(values))]
		}
		if found, ok := c.rightmost(values, header == "Forwarded"); ok {
			return found, header
		}
	}
	return addr, ""
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

// debugMe tells a person as whom the collector sees them, and why.
func (c *Collector) debugMe(w http.ResponseWriter, r *http.Request, _ event.Kind) *refusal {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h["Cache-Control"] = noStore
	addr, header := c.clientAddr(r)
	from := peer(r)
	if header != "" {
		fmt.Fprintf(w, "I see you as %v because of header %s, which I take from the trusted proxy %v.\n", addr, header, from)
	} else {
		fmt.Fprintf(w, "I see you as %v because of the connection itself.\n", addr)
	}
	for _, name := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded"} {
		if name != header && len(r.Header[name]) > 0 {
			fmt.Fprintf(w, "Header %s is not used: ", name)
			if c.trusts(from) {
				fmt.Fprintln(w, "another one was, or it holds no address.")
			} else {
				fmt.Fprintf(w, "%v is not among the trusted proxies.\n", from)
			}
		}
	}
	c.Count("request", "200", 1)
	return nil
}
