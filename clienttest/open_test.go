package clienttest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"footfall/account"
	"footfall/account/accounttest"
	"footfall/dash"
	"footfall/metric"
)

// failing is a source that fails in some boxes, or lets one wait, while it is told to.
type failing struct {
	odd
	fails, slow *atomic.Bool
}

func (f failing) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	if f.fails.Load() && (q.By == "source" || q.By == "" && q.Step != "total") {
		return metric.Dataset{}, errors.New("the disk is gone")
	}
	for f.slow.Load() && q.By == "source" {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return metric.Dataset{}, ctx.Err()
		}
	}
	return f.odd.Answer(ctx, q)
}

// TestOpenBoard: what can't be counted any more stays on an open board as it was known, with
// its time, and the rest is drawn anew; a server that does not answer is told on the page,
// which stays, also if somebody goes to another period; what takes long is not waited for,
// and comes when it is counted; and all of it ends by itself.
func TestOpenBoard(t *testing.T) {
	needChromium(t)
	t.Parallel()
	control, fails, slow := &accounttest.Memory{}, &atomic.Bool{}, &atomic.Bool{}
	site, err := control.AddSite(t.Context(), account.Site{Domain: "shop.example", Zone: "Europe/Berlin", Currency: "EUR", WriteKey: "ffw_shop"})
	if err != nil {
		t.Fatal(err)
	}
	source := failing{odd{now: time.Now(), of: map[string]string{site.ID: "much"}, many: 4000}, fails, slow}
	door := dash.New(source, control, control, dash.Options{Log: slog.New(slog.DiscardHandler), Notes: control})
	login, err := control.AddLink(t.Context(), account.ForLogin, "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var away atomic.Bool
	news, leave := make(chan struct{}), atomic.Pointer[context.CancelFunc]{}
	said := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch state := r.URL.Query().Get("state"); {
		case r.URL.Path == "/test":
			away.Store(state == "away")
			slow.Store(state == "slow")
			if fails.Store(state == "fails"); state == "away" {
				(*leave.Load())()
			}
			if state == "away" || state == "counted" { // of that nobody is told
				return
			}
			select {
			case news <- struct{}{}:
			case <-time.After(10 * time.Second): // nobody listens
			}
		case away.Load():
			panic(http.ErrAbortHandler) // the connection ends
		case r.URL.Path == "/v1/live":
			ctx, end := context.WithCancel(r.Context())
			defer end()
			leave.Store(&end)
			mine := news
			if r.URL.Query().Get("window") == "Last28Days" {
				mine = nil // the page that the log-in led to is gone, but the browser keeps its stream for 5 s
			}
			w.Header().Set("Content-Type", "text/event-stream")
			for ; ctx.Err() == nil; said++ {
				fmt.Fprintf(w, "retry: 300\nid: %d-%x\ndata: {\"figures\":[]}\n\n", time.Now().UnixMilli(), said)
				_ = http.NewResponseController(w).Flush()
				select {
				case <-mine:
				case <-ctx.Done():
				}
			}
		default:
			door.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	launch(t, "open.mjs", server.URL, server.URL+"/login?link="+login).finish(t, new(struct{}))
}
