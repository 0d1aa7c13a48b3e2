package s3test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// Fake is a store in this process, with an empty bucket.
type Fake struct {
	Endpoint string

	store http.Handler
	mu    sync.Mutex // guards fault
	fault func(w http.ResponseWriter, r *http.Request) bool
}

// StartFake starts one, until the test ends.
func StartFake(t testing.TB) *Fake {
	t.Helper()
	kept := s3mem.New()
	if err := kept.CreateBucket(Bucket); err != nil {
		t.Fatal(err)
	}
	f := &Fake{store: gofakes3.New(kept, gofakes3.WithTimeSkewLimit(0)).Server()}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.Endpoint = server.URL
	return f
}

// Fail has fault look at each request first: true is a request that it has answered,
// or that is to have no answer. Nil ends that.
func (f *Fake) Fail(fault func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

// ServeHTTP implements http.Handler.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	fault := f.fault
	f.mu.Unlock()
	if fault == nil || !fault(w, r) {
		f.Pass(w, r)
	}
}

// Pass has the store answer a request.
func (f *Fake) Pass(w http.ResponseWriter, r *http.Request) { f.store.ServeHTTP(w, r) }
