package collect_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/collect"
	"footfall/event"
)

// keeping is a site that keeps events for 30 days.
type keeping struct{}

func (keeping) site() collect.Site {
	return collect.Site{ID: "s", Key: "ffw_s", Domain: "shop.example", Keep: 30, Oldest: func(now time.Time) time.Time { return now.Truncate(24*time.Hour).AddDate(0, 0, -30) }}
}
func (k keeping) ByKey(key string) (collect.Site, bool)   { return k.site(), key == "ffw_s" }
func (k keeping) ByHost(host string) (collect.Site, bool) { return k.site(), host == "shop.example" }

// TestTooOld sends events of both sides of the oldest day by every way in: the
// older ones are refused with a counted reason, and nowhere set aside.
func TestTooOld(t *testing.T) {
	now := time.Date(2026, 11, 21, 15, 0, 0, 0, time.UTC)
	const oldest, before = "2026-10-22T00:00:00Z", "2026-10-21T23:59:59.999Z"
	const why = "is older than the 30 days this site keeps events"
	var kept []string
	counted, aside := map[string]int{}, 0
	c := collect.New(keeping{}, collect.Options{
		Now: func() time.Time { return now },
		Publish: func(_ context.Context, events ...event.Event) error {
			for _, e := range events {
				kept = append(kept, e.Time.Format(time.RFC3339Nano))
			}
			return nil
		},
		Refuse: func(context.Context, string, string, string) { aside++ },
		Count:  func(stage, reason string, n int) { counted[stage+" "+reason] += n },
	})
	send := func(method, path, body string) (status int, said string) {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		return w.Code, w.Body.String() + w.Header().Get("X-Footfall")
	}
	one := func(at string) string {
		return fmt.Sprintf(`{"type":"page","messageId":"%[1]s","anonymousId":"a","timestamp":"%[1]s","writeKey":"ffw_s"}`, at)
	}
	for _, x := range []struct {
		name, method, path, body string
		status                   int
		refused, kept            int
	}{
		{"single, kept", "POST", "/v1/page", one(oldest), http.StatusOK, 0, 1},
		{"single, too old", "POST", "/v1/page", one(before), http.StatusBadRequest, 1, 0},
		{"batch", "POST", "/v1/batch", `{"writeKey":"ffw_s","batch":[` + one(before) + "," + one(oldest) + "," + one(before) + "]}", http.StatusOK, 2, 1},
		{"plain, kept", "GET", "/collect?key=ffw_s&page=/&time=" + oldest, "", http.StatusOK, 0, 1},
		{"plain, too old", "GET", "/collect?key=ffw_s&page=/&time=" + before, "", http.StatusBadRequest, 1, 0},
		{"pixel, too old", "GET", "/pixel/v1/page?writeKey=ffw_s&anonymousId=a&timestamp=" + before, "", http.StatusOK, 1, 0},
	} {
		kept = nil
		refused := counted["refused too_old"]
		status, said := send(x.method, x.path, x.body)
		if status != x.status || counted["refused too_old"]-refused != x.refused || len(kept) != x.kept || x.refused > 0 != strings.Contains(said, why) {
			t.Errorf("%s: status %d, %d kept, counted %v, said %q", x.name, status, len(kept), counted, said)
		}
		if slices.Contains(kept, before) {
			t.Errorf("%s: an event that is too old was kept", x.name)
		}
	}
	if aside != 0 {
		t.Errorf("%d were set aside", aside)
	}
}
