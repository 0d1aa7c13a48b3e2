package api

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"footfall/account"
)

// publish shows parts of a.example to anybody.
func (w *liveWorld) publish(t *testing.T, parts ...account.Part) {
	t.Helper()
	sites, err := w.memory.Sites(context.Background())
	if err == nil {
		sites[0].Public = parts
		_, err = w.memory.UpdateSite(context.Background(), sites[0])
	}
	if err != nil || sites[0].ID != "a-example" {
		t.Fatal(sites[0].ID, err)
	}
}

// TestLiveOfPublicSites: anybody hears whole figures of a public site, whatever else it
// shows, and of no other, until it is public no more.
func TestLiveOfPublicSites(t *testing.T) {
	w := newLive(t, Streams{Recheck: 50 * time.Millisecond, Heartbeat: 20 * time.Millisecond})
	const question = "metric=PageViews&window=today&step=total&token=public&site="
	refused := func(parameters string, status int, says string) {
		t.Helper()
		l := w.open(parameters)
		b, _ := io.ReadAll(io.LimitReader(l.Body, 4096))
		if l.StatusCode != status || !strings.Contains(string(b), says) {
			t.Errorf("%s: %d %s", parameters, l.StatusCode, b)
		}
	}
	refused(question+"a-example", 401, "not shown to anybody")
	w.publish(t, account.TheBoard, account.Money)
	refused(question+"b-example", 401, "not shown to anybody")
	refused(question+"b-example,a-example", 401, "not shown to anybody")
	refused("metric=PageViews&window=today&token=public", 401, "not shown to anybody")
	refused("earnings=true&affiliate=anna&token=public", 401, "not shown to anybody")
	refused("metric=Revenue&window=today&token=public&site=a-example", 400, "not Revenue")
	refused("metric=PageViews&by=source&window=today&token=public&site=a-example", 400, "not by source")
	refused("metric=PageViews&source=anna&window=today&token=public&site=a-example", 400, "not by source")
	l := w.open(question + "a-example")
	l.event(t)
	w.publish(t)
	if !l.ends(2 * time.Second) {
		t.Error("the stream of a site that is public no more goes on")
	}
	refused(question+"a-example", 401, "not shown to anybody")
	eventuallyNone(t, w)
}
