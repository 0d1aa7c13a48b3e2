package bins_test

import (
	"bytes"
	"compress/flate"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"unsafe"

	"footfall/bins"
)

func sketch(ids ...uint64) *bins.Sketch {
	s := &bins.Sketch{}
	for _, id := range ids {
		s.Add(id)
	}
	return s
}

// upTo is the ids 1 to n: as uneven as ids can be.
func upTo(n int) []uint64 {
	ids := make([]uint64, n)
	for i := range ids {
		ids[i] = uint64(i + 1)
	}
	return ids
}

func form(t testing.TB, s *bins.Sketch) []byte {
	t.Helper()
	b, err := s.MarshalBinary()
	if err != nil {
		t.Error(err)
	}
	return b
}

func merged(sketches ...*bins.Sketch) *bins.Sketch {
	all := &bins.Sketch{}
	for _, s := range sketches {
		all.Merge(s)
	}
	return all
}

func same(t testing.TB, what string, a, b *bins.Sketch) {
	t.Helper()
	if a.Count() != b.Count() || a.Exact() != b.Exact() || !bytes.Equal(form(t, a), form(t, b)) {
		t.Errorf("%s: %d and %d, exact %v and %v, forms of %d and %d bytes", what, a.Count(), b.Count(), a.Exact(), b.Exact(),
			len(form(t, a)), len(form(t, b)))
	}
}

func TestSketchIsExactAtFirst(t *testing.T) {
	var s bins.Sketch
	if s.Count() != 0 || !s.Exact() || unsafe.Sizeof(s) > 32 {
		t.Errorf("empty: %d, exact %v, %d bytes", s.Count(), s.Exact(), unsafe.Sizeof(s))
	}
	ids := upTo(bins.ExactUpTo)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	for i, id := range ids {
		s.Add(id)
		s.Add(ids[i/2])
		if s.Count() != int64(i+1) || !s.Exact() {
			t.Fatalf("%d ids: %d, exact %v", i+1, s.Count(), s.Exact())
		}
	}
	s.Add(0)
	if s.Exact() || math.Abs(float64(s.Count())-bins.ExactUpTo-1) > bins.ExactUpTo/100 {
		t.Errorf("one more: %d, exact %v", s.Count(), s.Exact())
	}
}

// TestSketchError measures against the standard error promised: 98 % of counts
// less than 1 % off, and no bias, whatever ids look like.
func TestSketchError(t *testing.T) {
	const runs = 50
	for _, n := range []int{2_001, 20_000, 50_000, 150_000} {
		sum, far := 0.0, 0
		for run := range runs {
			r := rand.New(rand.NewPCG(uint64(run), 7))
			s := &bins.Sketch{}
			for i := range n {
				if run%2 == 0 {
					s.Add(r.Uint64())
				} else {
					s.Add(uint64(run<<32 + i)) // in a row
				}
			}
			off := float64(s.Count())/float64(n) - 1
			sum += off
			if math.Abs(off) >= 0.01 {
				far++
			}
		}
		// The mean of 50 counts has a standard error of 0.06 %.
		if bias := sum / runs; math.Abs(bias) > 0.0024 || far > 4 {
			t.Errorf("%d ids: %.3f %% off in the mean, %d of %d counts are 1 %% off", n, 100*bias, far, runs)
		}
	}
}

// TestSketchMerge unites random parts of a set that overlap, exact and
// estimated, in random orders: all of it must be the sketch of the set.
func TestSketchMerge(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		ids := upTo(1 + r.IntN([]int{20, 2_500, 10_000, 40_000, 60_000}[seed%5]))
		r.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		whole := sketch(ids...)
		slices.Reverse(ids)
		same(t, "any order of arrival", whole, sketch(ids...))
		var parts []*bins.Sketch
		for from := 0; from < len(ids); {
			to := min(len(ids), from+1+r.IntN(len(ids)))
			parts = append(parts, sketch(ids[from:to]...), sketch(ids[r.IntN(to):to]...))
			from = to
		}
		before := make([][]byte, len(parts))
		for i, p := range parts {
			before[i] = form(t, p)
		}
		same(t, "union", whole, merged(parts...))
		r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j], before[i], before[j] = parts[j], parts[i], before[j], before[i] })
		same(t, "commutative", whole, merged(parts...))
		at := r.IntN(len(parts))
		same(t, "associative", whole, merged(merged(parts[:at]...), merged(parts[at:]...)))
		same(t, "idempotent", whole, merged(append(parts, parts...)...))
		whole.Merge(whole)
		same(t, "with itself", whole, sketch(ids...))
		for i, p := range parts {
			if !bytes.Equal(before[i], form(t, p)) {
				t.Fatalf("seed %d: a merge changed what it merged", seed)
			}
		}
	}
}

// TestSketchOwnsItsMemory merges into an empty one and goes on with both.
// TestSketchPacked: it counts, merges and adds as before, in less memory: what is seldom
// more than the ids it was made of.
func TestSketchPacked(t *testing.T) {
	for n, most := range map[int]int{0: 40, 1: 48, 700: 5_700, bins.ExactUpTo: 16_100, bins.ExactUpTo + 1: 12_000, 9_000: 40_000, 200_000: 66_000} {
		ids := upTo(n)
		whole := merged(sketch(ids[:n/2]...), sketch(ids[n/3:]...))
		packed := merged(whole)
		packed.Pack()
		same(t, "packed", whole, packed)
		if packed.Size() > most || packed.Size() > whole.Size()+100 {
			t.Errorf("%d ids take %d bytes, packed %d", n, whole.Size(), packed.Size())
		}
		more := sketch(upTo(n + 5_000)[n:]...)
		same(t, "merged into another", merged(more, whole), merged(more, packed))
		same(t, "merged", merged(whole, more), merged(packed, more))
		if packed.Merge(more); packed.Size() < min(2*int(packed.Count()), 1<<16) && n > bins.ExactUpTo {
			t.Errorf("%d ids take %d bytes with 5,000 more", n, packed.Size())
		}
		again := merged(whole)
		again.Pack()
		for _, x := range []*bins.Sketch{again, whole} {
			for _, id := range upTo(n + 100) {
				x.Add(id)
			}
		}
		same(t, "added to", whole, again)
	}
}

func TestSketchOwnsItsMemory(t *testing.T) {
	for _, n := range []int{3, 5_000, 60_000} {
		a := sketch(upTo(n)...)
		b := merged(a)
		for i := range uint64(n) {
			a.Add(i + 1_000_000)
		}
		same(t, "the copy", b, sketch(upTo(n)...))
	}
}

// TestSketchReadAtOnce is for the race detector: reading changes nothing.
func TestSketchReadAtOnce(t *testing.T) {
	for _, n := range []int{100, 5_000, 40_000} {
		s := sketch(upTo(n)...)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { same(t, "read at once", s, merged(s)) })
		}
		all.Wait()
	}
}

func TestSketchForm(t *testing.T) {
	for _, n := range []int{0, 1, 1_999, 2_000, 2_001, 5_000, 30_000, 40_000, 300_000} {
		s := sketch(upTo(n)...)
		b := form(t, s)
		var back bins.Sketch
		if err := back.UnmarshalBinary(b); err != nil {
			t.Fatalf("%d ids: %v", n, err)
		}
		same(t, "read back", s, &back)
		s.Add(1)
		back.Add(1)
		same(t, "and gone on with", s, &back)
		t.Logf("%d ids: %d bytes", n, len(b))
	}
}

func TestSketchDamaged(t *testing.T) {
	exact, estimate := form(t, sketch(3, 5, 9)), form(t, sketch(upTo(5_000)...))
	for name, b := range map[string][]byte{
		"nothing":           nil,
		"one byte":          {1},
		"a newer version":   append([]byte{2}, exact[1:]...),
		"an unknown kind":   {1, 7},
		"half an id":        exact[:len(exact)-3],
		"out of order":      append(slices.Clone(exact), exact[2:10]...),
		"an id twice":       append(slices.Clone(exact), exact[len(exact)-8:]...),
		"no estimate":       {1, 1},
		"a cut estimate":    estimate[:len(estimate)/2],
		"a longer estimate": append(slices.Clone(estimate), 0),
		"too many ids":      append([]byte{1, 0}, make([]byte, 8*bins.ExactUpTo+8)...),
	} {
		s := sketch(1, 2)
		if err := s.UnmarshalBinary(b); err == nil {
			t.Errorf("%s passed as %d ids", name, s.Count())
		}
		same(t, name+" leaves it as it was", s, sketch(1, 2))
	}
}

// FuzzSketchForm reads damaged forms; packed ones are compressed first, to get
// at what stands behind the compression.
func FuzzSketchForm(f *testing.F) {
	for _, n := range []int{0, 3, 2_001, 70_000} {
		f.Add(form(f, sketch(upTo(n)...)), false)
	}
	list := []byte{0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0, 2, 4, 5} // two keys, the last is 9
	f.Add(slices.Concat([]byte{2, 16, 0, 1, 0, 0, 0, 1, 0, 0, 0, 77}, list), true)
	f.Add(append([]byte{2, 16, 0, 0, 0, 1, 0, 0}, make([]byte, 1<<16)...), true)
	f.Add(append([]byte{1, 16, 0, 0, 0, 1, 0, 0}, make([]byte, 1<<15)...), true)
	other := sketch(upTo(2_100)...)
	f.Fuzz(func(t *testing.T, b []byte, packed bool) {
		if packed {
			out := bytes.NewBuffer([]byte{1, 1})
			w, _ := flate.NewWriter(out, flate.HuffmanOnly)
			_, _ = w.Write(b)
			_ = w.Close()
			b = out.Bytes()
		}
		var s bins.Sketch
		if s.UnmarshalBinary(b) != nil {
			return
		}
		s.Count()
		s.Add(17)
		s.Merge(other)
		var back bins.Sketch
		if err := back.UnmarshalBinary(form(t, &s)); err != nil {
			t.Fatalf("what was read cannot be written and read again: %v", err)
		}
		same(t, "again", &s, &back)
	})
}

// BenchmarkSketchAdd adds visitors who come again and again, more than are known exactly.
func BenchmarkSketchAdd(b *testing.B) {
	for name, visitors := range map[string]uint64{"exact": 1000, "estimate of 5,000": 5000, "estimate of 50,000": 50_000} {
		b.Run(name, func(b *testing.B) {
			var s bins.Sketch
			n := uint64(0)
			for b.Loop() {
				n = n*6364136223846793005 + 1442695040888963407
				s.Add(n >> 33 % visitors)
			}
		})
	}
}
