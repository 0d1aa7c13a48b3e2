package s3

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"footfall/archive/s3/s3test"
)

func TestMain(m *testing.M) {
	minio.DefaultRetryUnit = time.Millisecond // fails as often, sooner
	os.Exit(m.Run())
}

// long writes n bytes, and in the end what it is told to fail with.
func long(n int, failed error) func(io.Writer) error {
	return func(w io.Writer) error {
		piece := make([]byte, 100_001) // no divisor of a part
		for at := 0; at < n; at += len(piece) {
			for i := range piece {
				piece[i] = byte((at + i) * 2654435761 >> 13)
			}
			if _, err := w.Write(piece[:min(len(piece), n-at)]); err != nil {
				return err
			}
		}
		return failed
	}
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

// holds checks that an object is n bytes of long.
func holds(t *testing.T, o *Objects, name string, n int) {
	t.Helper()
	r, err := o.Open(t.Context(), name)
	must(t, err)
	defer r.Close()
	got, want := crc32.NewIEEE(), crc32.NewIEEE()
	read, err := io.Copy(got, r)
	must(t, errors.Join(err, long(n, nil)(want)))
	if read != int64(n) || got.Sum32() != want.Sum32() {
		t.Errorf("%s has %d bytes, of %d that were written, or others", name, read, n)
	}
}

// TestParts: what is larger than a part comes back whole; one that fails on the way
// leaves neither an object nor parts of one.
func TestParts(t *testing.T) {
	for name, endpoint := range map[string]string{"fake": s3test.StartFake(t).Endpoint, "server": s3test.Start(t).Endpoint()} {
		t.Run(name, func(t *testing.T) {
			o := open(t, at(endpoint, "parts"))
			for _, n := range []int{0, partBytes, partBytes + 1} {
				must(t, o.Put(t.Context(), "some/object", long(n, nil)))
				holds(t, o, "some/object", n)
			}
			for _, torn := range []error{errors.New("torn"), io.ErrUnexpectedEOF, io.EOF} { // the last two are no ends
				if err := o.Put(t.Context(), "torn", long(2*partBytes+1, torn)); !errors.Is(err, torn) {
					t.Errorf("a Put whose writer fails: %v", err)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			err := o.Put(ctx, "torn", func(w io.Writer) error {
				err := long(partBytes+1, nil)(w)
				cancel()
				return errors.Join(err, long(partBytes, nil)(w))
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("a Put that is cancelled: %v", err)
			}
			if names, err := o.List(t.Context(), ""); err != nil || !slices.Equal(names, []string{"some/object"}) {
				t.Errorf("there are %q, %v", names, err)
			}
			for x := range o.core.Client.ListIncompleteUploads(t.Context(), o.bucket, "", true) {
				t.Errorf("parts are left of %s, %v", x.Key, x.Err)
			}
		})
	}
}

// TestPages lists more than a store tells at a time.
func TestPages(t *testing.T) {
	o := open(t, at(s3test.StartFake(t).Endpoint, ""))
	var want []string
	for i := range 1003 {
		want = append(want, fmt.Sprintf("a/%04d", i))
		must(t, o.Put(t.Context(), want[i], text("x")))
	}
	must(t, o.Put(t.Context(), "b/1", text("x")))
	if names, err := o.List(t.Context(), "a/"); err != nil || !slices.Equal(names, want) {
		t.Errorf("%d names, %v", len(names), err)
	}
}

// TestPassingFaults: a store that has too much to do, or cuts connections, is asked
// again, and what is read goes on behind the cut.
func TestPassingFaults(t *testing.T) {
	f := s3test.StartFake(t)
	o := open(t, at(f.Endpoint, ""))
	const n = 3 << 20
	must(t, o.Put(t.Context(), "x", long(n, nil)))
	for name, fault := range map[string]func(w http.ResponseWriter, r *http.Request) bool{
		"slow down": func(w http.ResponseWriter, r *http.Request) bool {
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, `<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>`)
			return true
		},
		"hung up": func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			f.Fail(func(w http.ResponseWriter, r *http.Request) bool { return asked.Add(1) <= retries-1 && fault(w, r) })
			must(t, o.Put(t.Context(), "x", long(n, nil)))
			asked.Store(0)
			holds(t, o, "x", n)
			f.Fail(fault)
			if err := o.Put(t.Context(), "y", text("y")); err == nil {
				t.Error("a Put was answered by nobody")
			}
			f.Fail(nil)
			if _, err := o.Open(t.Context(), "y"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("what was not put: %v", err)
			}
		})
	}
	var asked atomic.Int32
	f.Fail(func(w http.ResponseWriter, r *http.Request) bool { // each answer is cut after a while
		if r.Method == http.MethodGet && asked.Add(1) > 0 {
			f.Pass(&cutting{ResponseWriter: w, left: n / 3}, r)
			return true
		}
		return false
	})
	if holds(t, o, "x", n); asked.Load() < 3 {
		t.Errorf("an object that is cut was asked for %d times", asked.Load())
	}
	asked.Store(0)
	f.Fail(func(w http.ResponseWriter, r *http.Request) bool {
		if asked.Add(1) == 1 {
			f.Pass(&cutting{ResponseWriter: w, left: n / 3}, r)
		}
		if asked.Load() == 2 { // it is replaced meanwhile
			must(t, open(t, at(f.Endpoint, "")).Put(t.Context(), "x", text(strings.Repeat("y", n))))
		}
		return asked.Load() == 1
	})
	r, err := o.Open(t.Context(), "x")
	must(t, err)
	if read, err := io.Copy(io.Discard, r); err == nil {
		t.Errorf("%d bytes were put together of two objects", read)
	}
	must(t, r.Close())
}

// cutting ends a connection after some bytes.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(b []byte) (int, error) {
	if len(b) > c.left {
		c.ResponseWriter.Write(b[:c.left])
		panic(http.ErrAbortHandler)
	}
	c.left -= len(b)
	return c.ResponseWriter.Write(b)
}

// TestSilence: a store that takes a request and says nothing is not waited for for ever.
func TestSilence(t *testing.T) {
	was := silence
	silence = 50 * time.Millisecond
	defer func() { silence = was }()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close() // nobody accepts
	began := time.Now()
	if _, err := Open(t.Context(), at("http://"+l.Addr().String(), "")); err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}

// TestOperatorErrors: what does not pass by itself says what to do.
func TestOperatorErrors(t *testing.T) {
	endpoint := s3test.Start(t).Endpoint()
	right := at(endpoint, "p")
	wrong := func(change func(*Options)) Options {
		o := right
		change(&o)
		return o
	}
	for want, o := range map[string]Options{
		"no such bucket: make it":         wrong(func(o *Options) { o.Bucket = "nobodys" }),
		"does not take the keys":          wrong(func(o *Options) { o.Keys.Secret = "wrong" }),
		"connection refused":              wrong(func(o *Options) { o.Endpoint = "http://127.0.0.1:1" }),
		"write https://host":              wrong(func(o *Options) { o.Endpoint = "127.0.0.1:1" }),
		"keys don't belong":               wrong(func(o *Options) { o.Endpoint = "https://me:" + url.QueryEscape(s3test.Secret) + "@127.0.0.1:1" }),
		"another region: name it with ?r": wrong(func(o *Options) { o.Region = "eu-central-1" }),
	} {
		_, err := Open(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), s3test.Secret) || strings.Contains(err.Error(), url.QueryEscape(s3test.Secret)) {
			t.Errorf("%v; want: %s", err, want)
		}
	}
	anonymous := &Objects{where: "s3://b"}
	for code, want := range map[string]string{minio.AccessDenied: "no keys to ask with", minio.InvalidAccessKeyID: "look at AWS_ACCESS_KEY_ID"} {
		if err := anonymous.fault(minio.ErrorResponse{Code: code}); !strings.Contains(err.Error(), want) {
			t.Error(err)
		}
	}
}
