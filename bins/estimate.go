package bins

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/axiomhq/hyperloglog"

	"footfall/event"
)

// estimate is what is left of ids when they are too many to know. The library keeps the
// registers; what is asked of them for each of thousands of bins, to unite and to count
// them, is done here on its binary form (docs/format/bins.md): it takes a tenth of the time.
type estimate struct {
	*hyperloglog.Sketch
	added *event.Seen // some of the hashes in it; nil for none
	bytes int         // that it takes, once it is packed
}

// size is about how much memory it takes, in bytes.
func (e *estimate) size() int {
	switch {
	case e.bytes > 0:
		return e.bytes
	case e.added != nil:
		return 1<<precision + 10*e.added.Len() // of 8 bytes, with room
	}
	return 1 << precision
}

// packed is the same in as little memory as it takes.
func (e *estimate) packed() *estimate {
	form := e.form()
	registers := hyperloglog.New16()
	if err := registers.UnmarshalBinary(form); err != nil {
		panic(err) // it is the library's own
	}
	return &estimate{Sketch: registers, bytes: len(form) + int(unsafe.Sizeof(*registers))}
}

// sparse is how many ids may be in an estimate that is sparse. Adding an id
// again to such a one is not cheap, and most visitors come again: so it is
// looked for among those that were added.
const sparse = 1 << precision

func (e *estimate) add(hash uint64) {
	e.bytes = 0
	if e.added != nil {
		if !e.added.Add(hash) { // among so few, Seen is sure
			return
		}
		if e.added.Len() > sparse {
			e.added = nil
		}
	}
	e.InsertHash(hash)
}

// The binary form of the library's sketches.
const (
	formHead   = 4 // version, precision, a zero, 1 if it is sparse
	formKeys   = formHead + 4 + 12
	maxKeySize = 1 << precision // bytes of keys in a sparse one; with more it is dense
)

// form is the binary form. One that is sparse is tidied up first: until then its form
// depends on the order of arrival.
func (e *estimate) form() []byte {
	form, _ := e.AppendBinary(nil) // it refuses only a precision that no Sketch has
	if form[3] == 0 || binary.BigEndian.Uint32(form[formHead:]) == 0 {
		return form
	}
	tidy := e.Clone()
	tidy.Estimate()
	form, _ = tidy.AppendBinary(nil)
	return form
}

// merge counts what o has counted.
func (e *estimate) merge(o *estimate) {
	e.bytes = 0
	a, b := e.form(), o.form()
	if a[3] == 0 || b[3] == 0 {
		_ = e.Sketch.Merge(o.Sketch)
		return
	}
	e.Sketch = sketchOf(union(keysOf(a), keysOf(b)))
}

// keysOf are the keys of a form that is sparse and tidy, ascending.
func keysOf(form []byte) []uint64 {
	keys := make([]uint64, 0, binary.BigEndian.Uint32(form[formHead+4:]))
	last := uint64(0)
	for list := form[formKeys:]; len(list) > 0; {
		more, n := binary.Uvarint(list)
		last, list = last+more, list[n:]
		keys = append(keys, last)
	}
	return keys
}

// sketchOf is the sketch with some keys, ascending.
func sketchOf(keys []uint64) *hyperloglog.Sketch {
	if len(keys) == 0 {
		return hyperloglog.New16()
	}
	form := append(make([]byte, 0, formKeys+3*len(keys)), 2, precision, 0, 1, 0, 0, 0, 0)
	form = binary.BigEndian.AppendUint32(form, uint32(len(keys)))
	form = binary.BigEndian.AppendUint32(form, uint32(keys[len(keys)-1]))
	form = append(form, 0, 0, 0, 0)
	last := uint64(0)
	for _, key := range keys {
		form, last = binary.AppendUvarint(form, key-last), key
	}
	size := len(form) - formKeys
	binary.BigEndian.PutUint32(form[formKeys-4:], uint32(size))
	s := hyperloglog.New16()
	if err := s.UnmarshalBinary(form); err != nil {
		panic(err) // it is the form that the library writes
	}
	if size <= maxKeySize {
		return s
	}
	dense := hyperloglog.New16NoSparse()
	_ = dense.Merge(s)
	return dense
}

// count is how many ids there are. Of a sparse one the library counts the keys.
func (e *estimate) count() int64 {
	form := e.form()
	if form[3] != 0 {
		return int64(e.Clone().Estimate())
	}
	return distinct(form[formHead+4:])
}

// distinct estimates how many ids registers have seen, by Ertl's improved estimator
// ("New cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm 6).
func distinct(registers []byte) int64 {
	const most = 64 - precision + 1
	var of [most + 1]float64
	for _, r := range registers {
		of[min(r, most)]++
	}
	m := float64(len(registers))
	z := m * tau(1-of[most]/m)
	for k := most - 1; k > 0; k-- {
		z = 0.5 * (z + of[k])
	}
	z += m * sigma(of[0]/m)
	return int64(m*m/(2*math.Ln2*z) + 0.5)
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for before := -1.0; z != before; y += y {
		before = z
		x *= x
		z += x * y
	}
	return z
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for before := -1.0; z != before; {
		before = z
		x = math.Sqrt(x)
		y *= 0.5
		z -= (1 - x) * (1 - x) * y
	}
	return z / 3
}
