package nats

import (
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"footfall/event"
)

func kept(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestMessageOfBefore reads a message and a set-aside item that a footfall of
// version 1 wrote, whose events have no labels yet.
func TestMessageOfBefore(t *testing.T) {
	noon := time.Date(2026, 3, 28, 12, 0, 0, 123e6, time.UTC)
	want := event.Event{ID: "one", Site: "a", Kind: event.Page, Time: noon, Original: noon, Received: noon, Path: "/one", Country: "AT",
		Browser: "Firefox", OS: "Linux", Channel: "web", Visitor: 7, Session: 8, Context: `{"locale":"de-AT"}`}
	h, body, err := open(kept(t, "message.v1"))
	if err != nil || h.epoch != 3 || h.total != 40 || h.count != 2 {
		t.Fatalf("%+v, %v", h, err)
	}
	used := []event.Event{{Labels: event.Labels{City: "of before"}}, {}} // memory that is used again
	m := message{form: h.form, count: int(h.count), body: body}
	events, err := m.appendTo(used[:0])
	if err != nil || len(events) != 2 || events[0] != want || events[1].ID != "two" {
		t.Errorf("%v\n got %+v\nwant %+v", err, events, want)
	}
	it, err := (&aside{}).item(&jetstream.RawStreamMsg{Sequence: 4, Data: kept(t, "aside.v1.json")})
	if err != nil || it.Event == nil || *it.Event != want {
		t.Errorf("%v, %+v", err, it.Event)
	}
	newer := kept(t, "message.v1")
	newer[0] = event.BinaryVersion + 1
	if _, _, err := open(newer); err == nil {
		t.Error("a message of a newer version was read")
	}
}
