package dash

import "time"

// Audit is what a recount of all events found: the last result of footfall
// reconcile.
type Audit struct {
	At          time.Time // zero if there was none yet
	Took        time.Duration
	Differences int
	Figures     int // compared
	Days        int
	Events      uint64
	Examples    []Difference // the first ones
	Archive     []string     // days on which archive and event store differ, the first ones
}

// Difference is one figure on which bins and events don't agree.
type Difference struct {
	Subject, Period, Metric string
	Bins, Recount           int64
}
