package demo

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"time"
)

// concurrent is how many visits are under way in the trickle.
const concurrent = 12

// Trickle is an endless stream of hits that happen when they are asked for,
// each with the pause to make before asking for the next: one to three a
// second.
func Trickle(now func() time.Time, seed uint64) iter.Seq2[Hit, time.Duration] {
	return func(yield func(Hit, time.Duration) bool) {
		began := now().UnixMilli()
		r := rand.New(rand.NewPCG(seed, uint64(began)))
		all := visits()
		var open [concurrent][]Hit // what is left of each visit
		for n := 0; ; n++ {
			i := r.IntN(concurrent)
			if len(open[i]) == 0 {
				v := all[r.IntN(len(all))]
				open[i] = v.hits(fmt.Sprintf("demo-live-%x-%d", began, n), r)
			}
			h := open[i][0]
			open[i] = open[i][1:]
			h.ID, h.Time = fmt.Sprintf("demo-live-%x-%x-%d", seed, began, n), now()
			if !yield(h, time.Duration(333+r.IntN(667))*time.Millisecond) {
				return
			}
		}
	}
}
