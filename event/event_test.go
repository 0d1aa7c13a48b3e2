package event_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"footfall/event"
)

var noon = time.Date(2026, 3, 28, 12, 0, 0, 123e6, time.UTC)

// full is an event whose every field holds something of its own.
func full() event.Event {
	e := event.Event{Time: noon, Original: noon.Add(-time.Hour), Sent: noon.Add(-time.Minute), Received: noon.Add(time.Second),
		Skew: time.Hour, Visitor: 0xfedcba9876543210, Session: 1}
	set(reflect.ValueOf(&e).Elem(), func(name string) string { return "ä " + name })
	e.Kind, e.Properties, e.Traits, e.Context = event.Track, `{"a":1}`, `{"b":[true]}`, `{"c":{"d":null}}`
	return e
}

func set(v reflect.Value, text func(name string) string) {
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case f.Kind() == reflect.String:
			f.SetString(text(v.Type().Field(i).Name))
		case f.Kind() == reflect.Struct && f.Type() != reflect.TypeFor[time.Time]():
			set(f, text)
		}
	}
}

func TestBinary(t *testing.T) {
	bare := event.Event{ID: "1", Site: "a", Kind: event.Page, Time: noon, Original: noon, Received: noon}
	old := bare
	old.Time, old.Original = time.UnixMilli(-1).UTC(), time.Date(1, 1, 1, 0, 0, 0, 1e6, time.UTC)
	want := []event.Event{full(), bare, {}, old}
	var b []byte
	for i := range want {
		b = want[i].AppendBinary(b)
	}
	rest := string(b)
	for i := range want {
		var got event.Event
		var err error
		if rest, err = got.DecodeBinary(rest, event.BinaryVersion); err != nil {
			t.Fatal(err)
		}
		if got != want[i] {
			t.Errorf("\n got %+v\nwant %+v", got, want[i])
		}
	}
	if rest != "" {
		t.Errorf("%d bytes left", len(rest))
	}
	one := string(want[0].AppendBinary(nil))
	for n := range len(one) {
		var e event.Event
		if _, err := e.DecodeBinary(one[:n], event.BinaryVersion); err == nil {
			t.Fatalf("the first %d of %d bytes made an event", n, len(one))
		}
	}
}

// TestBinaryOfBefore reads two events that a footfall of version 1 wrote: full
// without the labels, and a bare one. Memory that is used again keeps nothing.
func TestBinaryOfBefore(t *testing.T) {
	b, err := os.ReadFile("testdata/events.v1")
	if err != nil {
		t.Fatal(err)
	}
	first, rest := full(), string(b)
	first.Labels = event.Labels{}
	for _, want := range []event.Event{first, {ID: "1", Site: "a", Kind: event.Page, Time: noon, Original: noon, Received: noon}} {
		got := full()
		if rest, err = got.DecodeBinary(rest, 1); err != nil || got != want {
			t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
		}
	}
	if rest != "" {
		t.Errorf("%d bytes left", len(rest))
	}
	for _, version := range []int{-1, 0, event.BinaryVersion + 1} {
		var e event.Event
		if _, err := e.DecodeBinary(string(b), version); err == nil {
			t.Errorf("version %d was read", version)
		}
	}
}

func FuzzDecodeBinary(f *testing.F) {
	e := full()
	f.Add(e.AppendBinary(nil))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, b []byte) {
		var e, again event.Event
		rest, err := e.DecodeBinary(string(b), 1+len(b)%event.BinaryVersion)
		if err != nil {
			return
		}
		if len(rest) > len(b) {
			t.Fatalf("%d bytes left of %d", len(rest), len(b))
		}
		if left, err := again.DecodeBinary(string(e.AppendBinary(nil)), event.BinaryVersion); err != nil || left != "" || again != e {
			t.Fatalf("%+v became %+v, %v", e, again, err)
		}
	})
}

// TestJSON checks that every field is spelled, once, and that absent ones are not.
func TestJSON(t *testing.T) {
	e := full()
	b, err := json.Marshal(&e)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(b, &fields); err != nil {
		t.Fatal(err)
	}
	if n := reflect.TypeFor[event.Event]().NumField() - 2 + 5 + 6; len(fields) != n {
		t.Errorf("%d fields, want %d: %s", len(fields), n, b)
	}
	for name, want := range map[string]any{
		"messageId": "ä ID", "type": "track", "timestamp": "2026-03-28T12:00:00.123Z", "originalTimestamp": "2026-03-28T11:00:00.123Z",
		"sentAt": "2026-03-28T11:59:00.123Z", "receivedAt": "2026-03-28T12:00:01.123Z", "skew_ms": 3.6e6, "visitor": "fedcba9876543210",
		"session": "0000000000000001", "utm_campaign": "ä Name", "referrer_class": "ä Class", "context": map[string]any{"c": map[string]any{"d": nil}},
	} {
		if !reflect.DeepEqual(fields[name], want) {
			t.Errorf("%s is %v, want %v", name, fields[name], want)
		}
	}
	bare := event.Event{ID: "1", Site: "a", Kind: event.Page, Time: noon, Original: noon, Received: noon}
	b, err = json.Marshal(&bare)
	if want := `{"messageId":"1","site":"a","type":"page","timestamp":"2026-03-28T12:00:00.123Z",` +
		`"originalTimestamp":"2026-03-28T12:00:00.123Z","receivedAt":"2026-03-28T12:00:00.123Z"}`; err != nil || string(b) != want {
		t.Errorf("got %s, %v", b, err)
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		field string
		spoil func(*event.Event)
	}{
		{"", func(*event.Event) {}},
		{"messageId", func(e *event.Event) { e.ID = "" }},
		{"site", func(e *event.Event) { e.Site = "" }},
		{"type", func(e *event.Event) { e.Kind = "view" }},
		{"event", func(e *event.Event) { e.Name = "" }},
		{"", func(e *event.Event) { e.Name, e.Kind = "", event.Page }},
		{"timestamp", func(e *event.Event) { e.Original = time.Time{} }},
		{"", func(e *event.Event) { e.Sent = time.Time{} }},
		{"messageId", func(e *event.Event) { e.ID = strings.Repeat("x", event.MaxID+1) }},
		{"", func(e *event.Event) { e.ID = strings.Repeat("x", event.MaxID) }},
		{"title", func(e *event.Event) { e.Title = strings.Repeat("x", event.MaxText+1) }},
		{"path", func(e *event.Event) { e.Path = "/\x00" }},
		{"utm_term", func(e *event.Event) { e.Campaign.Term = "\xff" }},
		{"event", func(e *event.Event) { e.Properties = `"` + strings.Repeat("x", event.MaxBytes-2) + `"` }},
	} {
		e := full()
		c.spoil(&e)
		err := e.Check()
		var invalid *event.InvalidError
		if c.field == "" && err != nil || c.field != "" && (!errors.As(err, &invalid) || invalid.Field != c.field) {
			t.Errorf("want a fault of %q, got %v", c.field, err)
		}
	}
}

// What is unfit is found wherever it stands in a text of whatever length.
func TestCheckBytes(t *testing.T) {
	e := full()
	for n := 1; n <= 20; n++ {
		for at := range n {
			for c := range 256 {
				b := bytes.Repeat([]byte{'x'}, n)
				b[at] = byte(c)
				e.Title = string(b)
				if err, fit := e.Check(), c > 0 && c < 0x80; (err == nil) != fit {
					t.Fatalf("%q: %v", b, err)
				}
			}
		}
	}
	for _, title := range []string{"é", "Überraschung", "日本語のタイトル", "\u007f\u0080 after", "12345678é", "é12345678"} {
		if e.Title = title; e.Check() != nil {
			t.Errorf("%q: %v", title, e.Check())
		}
	}
}

func TestDay(t *testing.T) {
	for s, want := range map[string]event.Day{
		"1970-01-01T00:00:00Z": 0, "1970-01-01T23:59:59Z": 0, "1969-12-31T23:59:59Z": -1, "1969-12-31T00:00:00Z": -1,
		"2026-03-28T00:30:00+01:00": 20539, "2026-03-28T01:00:00+01:00": 20540,
	} {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		if got := event.DayOf(at); got != want || at.Before(got.Time()) || !at.Before((got + 1).Time()) {
			t.Errorf("%s is day %d, want %d", s, got, want)
		}
	}
}

func TestPositionLess(t *testing.T) {
	ordered := []event.Position{{}, {Seq: 5}, {Epoch: 1}, {Epoch: 1, Seq: 2}, {Epoch: 2, Seq: 1}}
	for i, p := range ordered {
		for j, q := range ordered {
			if p.Less(q) != (i < j) {
				t.Errorf("%v < %v is %v", p, q, p.Less(q))
			}
		}
	}
}

func TestFormatID(t *testing.T) {
	for id, want := range map[uint64]string{0: "", 1: "0000000000000001", 1<<64 - 1: "ffffffffffffffff"} {
		if got := event.FormatID(id); got != want {
			t.Errorf("%d is %q", id, got)
		}
	}
}

// TestSeen checks that no id is ever forgotten and that new ones are hardly ever taken for known.
func TestSeen(t *testing.T) {
	const n = 1_000_000
	s := event.NewSeen()
	r := rand.New(rand.NewPCG(1, 1))
	keys := make([]uint64, n)
	for i := range keys {
		keys[i] = event.Key("site", fmt.Sprint(r.Uint64()))
		s.Add(keys[i])
		if back := keys[r.IntN(i+1)]; !s.Has(back) {
			t.Fatalf("%x was forgotten among %d", back, i+1)
		}
	}
	for _, k := range keys {
		if !s.Has(k) {
			t.Fatalf("%x was forgotten", k)
		}
	}
	wrong := 0
	for range n {
		if s.Has(r.Uint64()) {
			wrong++
		}
	}
	if s.Len() != n || wrong > 2 { // n * n / 2^48 is 0.004
		t.Errorf("%d of %d new ids were taken for known, %d in the set", wrong, n, s.Len())
	}
}

func TestKey(t *testing.T) {
	key, again := event.Key("a", "bc"), event.Key("a", "bc")
	if key == event.Key("ab", "c") || key != again {
		t.Error("keys mix up site and id")
	}
}

func BenchmarkAppendBinary(b *testing.B) {
	e := full()
	var buf []byte
	for b.Loop() {
		buf = e.AppendBinary(buf[:0])
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkDecodeBinary(b *testing.B) {
	e := full()
	s := string(bytes.Clone(e.AppendBinary(nil)))
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		var back event.Event
		if _, err := back.DecodeBinary(s, event.BinaryVersion); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSeen adds ids to a set of many and tells what one takes.
func BenchmarkSeen(b *testing.B) {
	const n = 5_000_000
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := event.NewSeen()
		r := rand.New(rand.NewPCG(1, 2))
		for range n {
			s.Add(r.Uint64())
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/id")
		runtime.KeepAlive(s)
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/n, "ns/id")
}

// TestClone: a clone has every text, and none of it in the memory of what it was made of.
func TestClone(t *testing.T) {
	e := full()
	memory := []byte(e.Path)
	e.Path = unsafe.String(&memory[0], len(memory))
	own := e.Clone()
	if own != e {
		t.Errorf("a clone of\n%+v is\n%+v", e, own)
	}
	memory[0] = 'x'
	if want := full(); own != want {
		t.Errorf("a clone changes with what it was made of: %+v", own)
	}
}
