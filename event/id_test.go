package event

import (
	"strings"
	"testing"
	"time"
)

func TestNewID(t *testing.T) {
	// The example of the ULID specification: 1469918176385 ms are 01ARYZ6S41.
	at := time.UnixMilli(1469918176385)
	seen := map[string]bool{}
	for range 1000 {
		id := NewID(at)
		if len(id) != 26 || !strings.HasPrefix(id, "01ARYZ6S41") || strings.Trim(id, crockford) != "" {
			t.Fatalf("%q is no ULID of its time", id)
		}
		if seen[id] {
			t.Fatalf("%q came twice", id)
		}
		seen[id] = true
	}
	if a, b := NewID(at), NewID(at.Add(time.Millisecond)); a >= b {
		t.Errorf("%s of a moment is not before %s of the next", a, b)
	}
}
