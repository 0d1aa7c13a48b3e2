package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"footfall/account"
)

// TestSlowRequests: a form that does not arrive is not waited for. What has a
// time of its own for bodies keeps that.
func TestSlowRequests(t *testing.T) {
	h := newHome(t)
	site, err := h.sites.AddSite(t.Context(), account.Site{Domain: "a.example"})
	must(t, err)
	server := h.server()
	if server.ReadTimeout <= 0 || server.ReadTimeout > time.Minute {
		t.Errorf("a request may take %v to arrive", server.ReadTimeout)
	}
	server.ReadTimeout = 100 * time.Millisecond
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go func() { _ = server.Serve(listener) }() // ends with Close
	defer server.Close()
	begin := func(head, body string) net.Conn {
		c, err := net.Dial("tcp", listener.Addr().String())
		must(t, err)
		t.Cleanup(func() { c.Close() })
		must(t, c.SetDeadline(time.Now().Add(20*time.Second)))
		_, err = fmt.Fprintf(c, "POST %s\r\nContent-Length: %d\r\n\r\n%s", head, 40, body)
		must(t, err)
		return c
	}
	event := fmt.Sprintf("%-40s", `{"event":"a","anonymousId":"b"}`)
	slow := begin("/v1/track?writeKey="+site.WriteKey+" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json", event[:5])
	const form = " HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded"
	for _, path := range []string{"/login", "/setup", "/password", "/portal/join"} {
		// The connection ends, whether with an answer or without.
		if _, err := io.Copy(io.Discard, begin(path+form, "email=")); err != nil {
			t.Errorf("a slow form to %s: %v", path, err)
		}
	}
	_, err = io.WriteString(slow, event[5:]) // later than a form may
	must(t, err)
	answer, err := http.ReadResponse(bufio.NewReader(slow), nil)
	must(t, err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("a slow event: %s", answer.Status)
	}
}
