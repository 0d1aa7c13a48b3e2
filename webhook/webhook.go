// Package webhook sends signed messages to addresses that others run, and says
// what their answers mean. Who has messages keeps them, and decides when to try
// again: history/webhook those of segments, ledger/webhook those of affiliate
// programmes.
package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

const (
	timeout = 10 * time.Second // of one try
	first   = 10 * time.Second // pause after a message's first failure, doubled after each further one
	most    = 6 * time.Hour    // longest pause
	// Life is how long a message is tried at least.
	Life = 72 * time.Hour
)

// Poster sends messages. It is safe for concurrent use.
type Poster struct{ client *http.Client }

// New makes a Poster that sends to any address; with nil it has connections of
// its own, without a proxy.
func New(transport http.RoundTripper) *Poster {
	if transport == nil {
		transport = &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute}
	}
	return poster(transport)
}

// NewOutside is New for addresses that others than an operator name: it connects
// to nothing on a private network, whatever a name is resolved to.
func NewOutside(transport http.RoundTripper) *Poster {
	if transport == nil {
		dialer := &net.Dialer{Timeout: timeout, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error { return outside(address) }}
		transport = &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, DialContext: dialer.DialContext}
	}
	return poster(transport)
}

// ErrInside means that an address is on a private network.
var ErrInside = errors.New("its address is on a private network, where only an operator may send messages: footfall hook set ID --url URL")

// inside are networks that are not the internet, beside those that netip knows
// (IANA's special-purpose address registries).
var inside = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("fec0::/10"), netip.MustParsePrefix("192.88.99.0/24"),
}

// outside is an error unless an IP address and port are on the internet.
func outside(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return ErrInside
	}
	ip := at.Addr().Unmap().WithZone("") // no prefix contains one with a zone
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || slices.ContainsFunc(inside, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return ErrInside
	}
	return nil
}

func poster(transport http.RoundTripper) *Poster {
	return &Poster{&http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// GoneError means that the receiver wants no such message any more.
type GoneError struct{}

func (GoneError) Error() string { return "the answer was 410 Gone" }

// RefusedError means that the receiver finds fault with the message, and most
// likely always will.
type RefusedError struct{ Status int }

func (e RefusedError) Error() string { return fmt.Sprintf("the answer was %d", e.Status) }

// Post sends a body, signed with the secrets. Nil is taken; any other answer and
// none is an error, which names neither the address nor another one. status is the
// answer's, 0 if there was none.
func (p *Poster) Post(ctx context.Context, address string, body []byte, secrets ...[]byte) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, errors.New("its address can't be read")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Footfall")
	r.Header.Set(Header, Sign(body, time.Now(), secrets...))
	answer, err := p.client.Do(r)
	if err != nil {
		return 0, unanswered(err)
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, 4<<10) // so that the connection can be used again; what it says is no matter
	return answer.StatusCode, verdict(answer.StatusCode)
}

// unanswered says why there was no answer, in words of its own: those of the error
// hold the address, which may have a secret, names and addresses inside the
// network, or what something there said that is no webhook.
func unanswered(err error) error {
	var name *net.DNSError
	var wrongName x509.HostnameError
	var code syscall.Errno
	timed, _ := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, ErrInside):
		return ErrInside
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.As(err, &name) && name.IsNotFound:
		return errors.New("its name is not known")
	case errors.As(err, &name):
		return errors.New("its name could not be looked up")
	case timed != nil && timed.Timeout():
		return errors.New("there was no answer in time")
	case errors.As(err, &wrongName):
		return errors.New("its certificate is for another name")
	case isType[*tls.CertificateVerificationError](err):
		return errors.New("its certificate is not valid")
	case isType[tls.RecordHeaderError](err):
		return errors.New("it does not speak TLS")
	case errors.As(err, &code):
		return fmt.Errorf("there was no answer: %w", code) // such as connection refused
	}
	return errors.New("there was no answer that could be read")
}

func isType[E error](err error) bool {
	_, is := errors.AsType[E](err)
	return is
}

// verdict is what an answer says; nil is taken.
func verdict(status int) error {
	switch status {
	case http.StatusGone:
		return GoneError{}
	case http.StatusUnauthorized, http.StatusForbidden, // which a new secret may mend
		http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return fmt.Errorf("the answer was %d", status)
	}
	switch status / 100 {
	case 2:
		return nil
	case 3:
		return fmt.Errorf("the answer was %d: redirects are not followed", status)
	case 4:
		return RefusedError{status}
	}
	return fmt.Errorf("the answer was %d", status)
}

// Pause is how long a message waits that had failed so often before it failed again.
func Pause(tries int) time.Duration {
	p := first
	for range tries {
		if p *= 2; p >= most {
			return most
		}
	}
	return p
}

// Tried is for how long a message has been tried that had failed so often before
// it failed again.
func Tried(tries int) (all time.Duration) {
	for n := range tries {
		all += Pause(n)
	}
	return all
}
