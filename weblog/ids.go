package weblog

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strconv"
)

// ids makes event ids of lines: the same file always gives the same ids, and
// a line that stands in it twice gives two.
//
// An id is HMAC-SHA256 over site and line, cut to 128 bits. It is keyed: who
// knows all of a line but the address could try all addresses on a plain hash.
// The k-th repetition of a line hashes the line's id once more together with k.
//
// Equal lines carry the same time stamp, so they stand close together; counts
// are kept for the last window to two windows of stored lines, then forgotten.
// Counting starts anew in every file: a log that has grown gives the ids it
// gave before, but of two equal lines at the seam of two files one is lost.
type ids struct {
	mac       hash.Hash
	site      string
	sum       [sha256.Size]byte
	young     map[key]uint32 // how often a line occurred, in this window
	old       map[key]uint32 // and in the one before
	perWindow int
}

type key [16]byte

const window = 1 << 17 // lines; two windows take about 10 MB

func newIDs(secret []byte, site string) *ids {
	return &ids{mac: hmac.New(sha256.New, secret), site: site, young: map[key]uint32{}, perWindow: window}
}

// next is the id of the line that comes next in the file.
func (x *ids) next(line []byte) string {
	x.hash([]byte(x.site), []byte{0}, line)
	id := key(x.sum[:16])
	before := x.count(id)
	if before > 0 {
		x.hash(id[:], strconv.AppendUint(nil, uint64(before), 10))
		id = key(x.sum[:16])
	}
	return spell(id)
}

func (x *ids) hash(parts ...[]byte) {
	x.mac.Reset()
	for _, p := range parts {
		x.mac.Write(p)
	}
	x.mac.Sum(x.sum[:0])
}

// count is how often id was counted before.
func (x *ids) count(id key) uint32 {
	n, ok := x.young[id]
	if !ok {
		n = x.old[id]
		if len(x.young) >= x.perWindow {
			x.old, x.young = x.young, make(map[key]uint32, x.perWindow)
		}
	}
	x.young[id] = n + 1
	return n
}

// spell writes an id as a UUID of version 8 (own making).
func spell(id key) string {
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	b[8] = '-'
	hex.Encode(b[9:13], id[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], id[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], id[8:10])
	b[23] = '-'
	hex.Encode(b[24:36], id[10:16])
	return string(b[:])
}
