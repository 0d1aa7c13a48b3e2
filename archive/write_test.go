package archive

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"
	"unsafe"

	"github.com/parquet-go/parquet-go"

	"footfall/event"
)

// TestWriter: a file is read as the archive's objects are, whatever its size.
func TestWriter(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, n := range []int{0, 1, chunk, chunk + 1, 3*chunk - 1} {
		var file bytes.Buffer
		w := NewWriter(&file)
		groups := []*Group{w.Group(), w.Group()} // filled by turns, as two at a time do
		var e event.Event                        // the same memory each time, as a scan has it, and that of its texts
		path := make([]byte, 2)
		var want []event.Event
		for i := range n {
			copy(path, fmt.Sprint("/", i%7))
			e = event.Event{ID: fmt.Sprint("m", i), Site: "shop", Kind: event.Page, Path: unsafe.String(&path[0], len(path)), Time: at.Add(time.Duration(i) * time.Second), Original: at, Received: at, Visitor: uint64(i)}
			if i%2 == 0 {
				e.Sent, e.Properties = at.Add(time.Duration(i)*time.Millisecond), `{"a":1}`
			}
			want = append(want, e.Clone())
			g := groups[i/(chunk+7)%2]
			err := g.Add(&e)
			if err == nil && i%3 == 0 { // its texts lie elsewhere from now on
				err = g.Settle()
			}
			path = append([]byte(nil), path...)
			if err == nil && (i+1)%(chunk+7) == 0 {
				err = errors.Join(g.Settle(), g.Put())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		g := groups[n/(chunk+7)%2]
		if err := errors.Join(g.Settle(), g.Put()); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		f, err := parquet.OpenFile(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil {
			t.Fatal(err)
		}
		type absent struct {
			Properties *string `parquet:"properties,optional"`
			Traits     *string `parquet:"traits,optional"`
		}
		null, err := parquet.Read[absent](bytes.NewReader(file.Bytes()), int64(file.Len()))
		for i := range null {
			if (null[i].Properties == nil) != (i%2 == 1) || null[i].Traits != nil {
				t.Errorf("event %d of %d: absent JSON is %+v", i, n, null[i])
				break
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(f, "shop", nil)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%d events: %d came back, %v", n, len(got), err)
		}
	}
}
