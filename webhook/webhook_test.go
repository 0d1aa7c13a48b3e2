package webhook

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

func TestSignature(t *testing.T) {
	secret, body, at := []byte("whsec"), []byte(`{"a":1}`), time.Unix(1700000000, 0)
	// Computed with another program.
	const right = "t=1700000000,v1=8ad37ba156048ae0e0a5533c75cdf26fee88b07f93cb57ee4c80adb053012032"
	if got := Sign(body, at, secret); got != right {
		t.Fatalf("got %s, want %s", got, right)
	}
	_, v1, _ := strings.Cut(right, ",")
	if got := Sign(body, at, []byte("new"), secret); !strings.HasPrefix(got, "t=1700000000,v1=") || !strings.HasSuffix(got, ","+v1) || strings.Count(got, "v1=") != 2 {
		t.Errorf("with two secrets: %s", got)
	}
	for _, c := range []struct {
		name, secret, body, header string
		later                      time.Duration
		ok                         bool
	}{
		{"right", "whsec", `{"a":1}`, right, 0, true},
		{"five minutes old", "whsec", `{"a":1}`, right, MaxAge, true},
		{"too old", "whsec", `{"a":1}`, right, MaxAge + time.Second, false},
		{"from the future", "whsec", `{"a":1}`, right, -MaxAge - time.Second, false},
		{"one of two", "whsec", `{"a":1}`, "t=1700000000,v1=00," + v1, 0, true},
		{"one of two, the first", "whsec", `{"a":1}`, right + ",v1=00", 0, true},
		{"and a later version", "whsec", `{"a":1}`, right + ",v2=what", 0, true},
		{"another secret", "wrong", `{"a":1}`, right, 0, false},
		{"no secret", "", `{"a":1}`, Sign(body, at, nil), 0, false},
		{"another body", "whsec", `{"a":2}`, right, 0, false},
		{"another time", "whsec", `{"a":1}`, strings.Replace(right, "1700000000", "1700000001", 1), 0, false},
		{"cut", "whsec", `{"a":1}`, right[:len(right)-2], 0, false},
		{"no hex", "whsec", `{"a":1}`, "t=1700000000,v1=xy", 0, false},
		{"no time", "whsec", `{"a":1}`, v1, 0, false},
		{"no signature", "whsec", `{"a":1}`, "t=1700000000", 0, false},
		{"nothing", "whsec", `{"a":1}`, "", 0, false},
	} {
		if err := Verify([]byte(c.secret), []byte(c.body), c.header, at.Add(c.later)); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestPost: what is sent, and what is made of each answer.
func TestPost(t *testing.T) {
	var got *http.Request
	var body string
	status := 200
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, body = r, string(b)
		if w.Header().Set("Location", "/elsewhere"); r.URL.Path == "/elsewhere" {
			t.Error("a redirect was followed")
		}
		w.WriteHeader(status)
	}))
	defer server.Close()
	p := New(nil)
	secret := []byte("whsec")
	if n, err := p.Post(t.Context(), server.URL+"/hook?a=b", []byte(`{"a":1}`), secret); err != nil || n != 200 {
		t.Fatal(n, err)
	}
	if body != `{"a":1}` || got.Method != "POST" || got.URL.RawQuery != "a=b" || got.Header.Get("Content-Type") != "application/json" ||
		Verify(secret, []byte(body), got.Header.Get(Header), time.Now()) != nil {
		t.Errorf("got %s %s %v %s", got.Method, got.URL, got.Header, body)
	}
	for status = range map[int]bool{202: true, 204: true, 301: false, 307: false, 400: false, 401: false, 404: false, 410: false, 429: false, 500: false} {
		n, err := p.Post(t.Context(), server.URL, nil, secret)
		gone, refused := errors.Is(err, GoneError{}), false
		if _, is := errors.AsType[RefusedError](err); is {
			refused = true
		}
		if n != status || (err == nil) != (status < 300) || gone != (status == 410) || refused != (status == 400 || status == 404) {
			t.Errorf("%d is %d, %v", status, n, err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for what, c := range map[string]struct {
		ctx context.Context
		url string
	}{"a cancelled post": {gone, server.URL}, "no address": {t.Context(), "http://\x00/"}, "nobody": {t.Context(), "http://127.0.0.1:1/?key=hidden"}} {
		n, err := p.Post(c.ctx, c.url, nil, secret)
		if err == nil || n != 0 || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %d, %v", what, n, err)
		}
	}
}

// TestPause: pauses double up to the longest, and add up.
func TestPause(t *testing.T) {
	for tries, want := range map[int]time.Duration{0: 10 * time.Second, 1: 20 * time.Second, 11: 20480 * time.Second, 12: 6 * time.Hour, 1000: 6 * time.Hour} {
		if got := Pause(tries); got != want {
			t.Errorf("the pause after %d failures is %s, want %s", tries, got, want)
		}
	}
	if Tried(0) != 0 || Tried(3) != 70*time.Second || Tried(22) < 66*time.Hour || Tried(23) < Life {
		t.Errorf("tried for %s, %s, %s, %s", Tried(0), Tried(3), Tried(22), Tried(23))
	}
}

// TestOutside: what others than an operator name is on the internet, also where a
// name leads inside.
func TestOutside(t *testing.T) {
	for address, want := range map[string]bool{"93.184.215.14:443": true, "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:443": true,
		"127.0.0.1:80": false, "[::1]:80": false, "10.1.2.3:443": false, "192.168.1.1:443": false, "172.20.0.1:443": false, "169.254.169.254:80": false, "100.64.0.1:80": false,
		"0.0.0.0:80": false, "[::]:80": false, "[fe80::1%eth0]:80": false, "[fd00::1]:80": false, "[::ffff:127.0.0.1]:80": false, "[64:ff9b::7f00:1]:80": false, "224.0.0.1:80": false, "x": false,
		"[fec0::1]:80": false, "[fec0::1%eth0]:80": false, "[::7f00:1]:80": false, "[2001:0:7f00:1::]:80": false, "192.88.99.1:80": false} {
		if err := outside(address); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	defer server.Close()
	for _, address := range []string{server.URL, strings.Replace(server.URL, "127.0.0.1", "localhost", 1)} {
		if n, err := NewOutside(nil).Post(t.Context(), address, nil, []byte("s")); n != 0 || !errors.Is(err, ErrInside) {
			t.Errorf("%s: %d, %v", address, n, err)
		}
	}
}

// TestUnanswered: why there was no answer is said without addresses, names and
// what something said that is no webhook.
func TestUnanswered(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	go func() {
		for {
			c, err := silent.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("SSH-2.0-hidden\r\n"))
			c.Close()
		}
	}()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer secure.Close()
	dial := func(err error) *Poster {
		return New(&http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 53}, Err: err}
		}})
	}
	for what, c := range map[string]struct {
		p         *Poster
		url, want string
	}{
		"inside":       {NewOutside(nil), "http://127.0.0.1:1/", ErrInside.Error()},
		"no such name": {dial(&net.DNSError{Err: "no such host", Name: "db.hidden", Server: "10.1.2.3:53", IsNotFound: true}), "http://db.hidden/", "its name is not known"},
		"no names":     {dial(&net.DNSError{Err: "server misbehaving", Name: "db.hidden", Server: "10.1.2.3:53"}), "http://db.hidden/", "its name could not be looked up"},
		"refused":      {New(nil), "http://127.0.0.1:1/", "there was no answer: connection refused"},
		"in no time":   {dial(os.ErrDeadlineExceeded), "http://db.hidden/", "there was no answer in time"},
		"another":      {New(nil), "http://" + silent.Addr().String(), "there was no answer that could be read"},
		"no TLS":       {New(nil), "https://" + silent.Addr().String(), "it does not speak TLS"},
		"certificate":  {New(nil), secure.URL, "its certificate is not valid"},
	} {
		if n, err := c.p.Post(t.Context(), c.url, nil, []byte("s")); n != 0 || err == nil || err.Error() != c.want {
			t.Errorf("%s: %d, %v, want %s", what, n, err, c.want)
		}
	}
}
