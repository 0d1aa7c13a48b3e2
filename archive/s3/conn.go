package s3

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"
)

var (
	connecting = 10 * time.Second
	silence    = 2 * time.Minute // that a store may keep before a connection is taken for dead
)

// transport is the client's usual one, with an end to waiting: a connection on which
// nothing comes or goes is given up, and the request fails as one that was cut.
func transport(secure bool) (*http.Transport, error) {
	t, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: connecting, KeepAlive: connecting}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return impatient{c, silence}, nil
	}
	t.ResponseHeaderTimeout = silence
	return t, nil
}

// impatient is a connection that ends when for some time nothing comes and nothing
// goes: an answer is waited for as long as the request is on its way.
type impatient struct {
	net.Conn
	wait time.Duration
}

// Read implements net.Conn.
func (c impatient) Read(b []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.wait)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// Write implements net.Conn.
func (c impatient) Write(b []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.wait)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// roles asks for the role of a machine that may have none: soon.
func roles() *http.Client { return &http.Client{Timeout: 5 * time.Second} }
