package nats

import "footfall/event"

// epochs lists where each epoch of the log began. A log that was cut (a
// damaged file, a lost disk) gives out sequence numbers a second time; a new
// epoch tells the second use from the first.
type epochs []struct {
	Epoch uint64 `json:"epoch"`
	First uint64 `json:"first"` // first sequence of this epoch
}

func (e epochs) current() uint64 {
	if len(e) == 0 {
		return 0
	}
	return e[len(e)-1].Epoch
}

// settle makes the list agree with a log that ends at last, given positions
// that readers hold. It reports whether the log was cut.
func (e *epochs) settle(last event.Position, known []event.Position) (cut bool) {
	newest := last.Epoch
	for _, k := range known {
		newest = max(newest, k.Epoch)
	}
	if e.current() == 0 && newest == 0 {
		e.begin(1, last.Seq+1)
		return false
	}
	if e.current() < newest {
		// The list was lost but messages or readers remember.
		cut = len(*e) > 0 || last.Epoch != 0 && last.Epoch < newest
		e.begin(newest, 1)
	}
	for _, k := range known {
		if k.Epoch == e.current() && k.Seq > last.Seq {
			cut = true
		}
	}
	if cut {
		e.begin(e.current()+1, last.Seq+1)
	}
	return cut
}

func (e *epochs) begin(epoch, first uint64) {
	*e = append(*e, struct {
		Epoch uint64 `json:"epoch"`
		First uint64 `json:"first"`
	}{epoch, first})
}

// resume is the sequence after which a reader at p goes on: its own, unless
// the log was cut below it since, perhaps more than once.
func (e epochs) resume(p event.Position) uint64 {
	after := p.Seq
	for _, x := range e {
		if x.Epoch > p.Epoch {
			after = min(after, x.First-1)
		}
	}
	return after
}
