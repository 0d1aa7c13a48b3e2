package bins

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/axiomhq/hyperloglog"
)

// TestMergeIsTheLibrarys: what is united on binary forms has the form that the library
// makes of the same hashes, also where it goes over from keys to registers.
func TestMergeIsTheLibrarys(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	dense := 0
	for range 30 {
		parts, whole := 1+r.IntN(4), hyperloglog.New16()
		all := &estimate{Sketch: hyperloglog.New16()}
		for range parts {
			part := &estimate{Sketch: hyperloglog.New16()}
			for range r.IntN(16_000) {
				hash := r.Uint64() << r.IntN(20) // some with many zeros
				part.InsertHash(hash)
				whole.InsertHash(hash)
			}
			all.merge(part)
		}
		whole.Estimate()
		want, err := whole.MarshalBinary()
		if got := all.form(); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d parts: %d bytes, sparse %d, want %d bytes, %d", parts, len(got), got[3], len(want), want[3])
		}
		if want[3] == 0 {
			dense++
		}
	}
	if dense == 0 || dense == 30 {
		t.Errorf("%d of 30 were dense", dense)
	}
}

// BenchmarkMany unites days of visitors and counts them, as a list of the dashboard does
// for each of its rows.
func BenchmarkMany(b *testing.B) {
	for _, n := range []int{100, 3000, 10_000, 60_000} {
		r := rand.New(rand.NewPCG(1, 1))
		days := make([][]byte, 30)
		for i := range days {
			var s Sketch
			for range n {
				s.Add(uint64(r.IntN(8 * n)))
			}
			days[i], _ = s.MarshalBinary()
		}
		b.Run(fmt.Sprint(n, " a day"), func(b *testing.B) {
			for b.Loop() {
				var all Sketch
				for _, form := range days {
					var day Sketch
					if err := day.UnmarshalBinary(form); err != nil {
						b.Fatal(err)
					}
					all.Merge(&day)
				}
				all.Count()
			}
		})
	}
}
