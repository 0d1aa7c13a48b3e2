package sqlapi

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"footfall/account"
)

// held answers when it may, or when who asks has gone away.
type held struct{ asked, may chan struct{} }

func (h held) Select(ctx context.Context, _ Question, out Sheet) error {
	select {
	case h.asked <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-h.may:
	case <-ctx.Done():
		return ctx.Err()
	}
	return out.Head([]Column{{"a", "VARCHAR"}})
}

// Key has an id for each token.
func (held) Key(_ context.Context, token string) (account.Key, error) {
	return account.Key{ID: "key_" + token, Scopes: []account.Scope{account.SQL}}, nil
}

func (held) Sites(context.Context) ([]account.Site, error) { return []account.Site{{ID: "a"}}, nil }

// begun waits for the next query.
func (h held) begun(t *testing.T) {
	t.Helper()
	select {
	case <-h.asked:
	case <-time.After(10 * time.Second):
		t.Fatal("no query is asked")
	}
}

// TestOnePlaceForAKey: a key has one query under way, and others may ask meanwhile; its
// place is free again when the query has ended, however it did.
func TestOnePlaceForAKey(t *testing.T) {
	h := held{make(chan struct{}), make(chan struct{})}
	handler := New(h, h, h, Options{})
	ask := func(ctx context.Context, token string) <-chan *httptest.ResponseRecorder {
		done := make(chan *httptest.ResponseRecorder, 1)
		r := httptest.NewRequestWithContext(ctx, "POST", Path, strings.NewReader(`{"query": "SELECT 1"}`))
		r.Header.Set("Authorization", "Bearer "+token)
		go func() {
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, r)
			done <- rec
		}()
		return done
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	mine := ask(ctx, "mine")
	h.begun(t)
	soon, enough := context.WithTimeout(t.Context(), 10*time.Second)
	defer enough()
	again := <-ask(soon, "mine")
	if said, _ := io.ReadAll(again.Body); again.Code != http.StatusServiceUnavailable || again.Header().Get("Retry-After") == "" || !strings.Contains(string(said), "a query of this key is under way") {
		t.Errorf("the same key again: %d %s", again.Code, said)
	}
	theirs := ask(t.Context(), "theirs")
	h.begun(t)
	leave()
	<-mine
	mine = ask(t.Context(), "mine")
	h.begun(t)
	close(h.may)
	for name, done := range map[string]<-chan *httptest.ResponseRecorder{"another key": theirs, "the key once it has ended": mine} {
		if rec := <-done; rec.Code != http.StatusOK {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
}
