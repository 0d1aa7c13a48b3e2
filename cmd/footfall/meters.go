package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// meters counts by stage; what is counted is not logged.
type meters struct{ set *metrics.Set }

func newMeters() *meters { return &meters{metrics.NewSet()} }

// count adds n to a stage's counter.
func (m *meters) count(stage, reason string, n int) {
	name := fmt.Sprintf("footfall_%s_total", stage)
	if reason != "" {
		name = fmt.Sprintf("footfall_%s_total{reason=%q}", stage, reason)
	}
	m.set.GetOrCreateCounter(name).Add(n)
}

func (m *meters) wrote(sink string, events int, took time.Duration) {
	m.set.GetOrCreateCounter(fmt.Sprintf("footfall_written_events_total{sink=%q}", sink)).Add(events)
	m.set.GetOrCreateHistogram(fmt.Sprintf("footfall_write_seconds{sink=%q}", sink)).Update(took.Seconds())
}

// status is the account of where everything accepted is now.
type status struct {
	Accepted   uint64             `json:"accepted"`
	Stored     uint64             `json:"stored"`
	Duplicates uint64             `json:"duplicates"`
	SetAside   uint64             `json:"set_aside"` // by the store
	Dropped    uint64             `json:"dropped"`   // from there, by hand
	Removed    uint64             `json:"removed"`   // as old, by retention, or deleted by hand
	Waiting    uint64             `json:"waiting"`
	AddsUp     bool               `json:"adds_up"` // accepted = stored + duplicates + set aside + dropped + removed + waiting
	Archived   uint64             `json:"archived"`
	ArchiveLag uint64             `json:"archive_waiting"`
	LagSeconds map[string]float64 `json:"lag_seconds"` // by reader: age of the oldest event waiting
	Aside      map[string]uint64  `json:"aside"`       // set aside now, by who refused it
	Discarded  uint64             `json:"discarded"`   // of what doors set aside, to make room
	QueueBytes uint64             `json:"queue_bytes"`
	StoreBytes int64              `json:"store_bytes"`
	Mended     uint64             `json:"store_mended"` // how often the event store was opened anew as DuckDB refused it
	Damaged    bool               `json:"store_damaged"`
	AsOf       time.Time          `json:"as_of"`
	MaxAge     float64            `json:"queue_max_age_seconds"` // what waits longer expires
	Expiring   bool               `json:"expiring"`              // something waiting is older than half of that
	Notices    notices            `json:"webhooks"`
}

// status takes stock. The store's numbers and the queue's are read one after
// the other, so the sum is sure at a quiet moment only.
func (h *house) status(ctx context.Context) (status, error) {
	st := h.store.Load()
	if st == nil {
		return status{}, fmt.Errorf("the event store is being rebuilt")
	}
	kept := st.State()
	q, err := h.queue.State(ctx)
	if err != nil {
		return status{}, err
	}
	s := status{Accepted: q.Accepted, Stored: kept.Stored, Duplicates: kept.Duplicates, SetAside: q.Aside["store"], Dropped: q.Dropped["store"], Removed: kept.Removed, Discarded: q.Discarded,
		Waiting: q.Accepted - min(kept.Position.Total, q.Accepted), Archived: h.archive.Stats().Rows, ArchiveLag: q.Readers["archive"].Waiting,
		LagSeconds: map[string]float64{}, Aside: q.Aside, QueueBytes: q.Bytes, StoreBytes: st.Bytes(), Mended: st.Mended(), Damaged: st.Damaged(), MaxAge: q.MaxAge.Seconds(), AsOf: h.asOf(st).UTC()}
	s.AddsUp = s.Accepted == s.Stored+s.Duplicates+s.SetAside+s.Dropped+s.Removed+s.Waiting
	for name, lag := range q.Readers {
		if lag.Since.IsZero() {
			s.LagSeconds[name] = 0
			continue
		}
		age := time.Since(lag.Since)
		s.LagSeconds[name] = age.Seconds()
		s.Expiring = s.Expiring || age > q.MaxAge/2
	}
	s.Notices = h.notices(ctx)
	return s, nil
}

// expiry says of what waits longest how near it is to being lost.
func (s *status) expiry() finding {
	oldest, reader := 0.0, "store"
	for name, age := range s.LagSeconds {
		if age > oldest {
			oldest, reader = age, name
		}
	}
	keeps := time.Duration(s.MaxAge * float64(time.Second))
	return finding{"expiry", !s.Expiring, fmt.Sprintf("the oldest event that waits, for the %s, is %.0f s old; the queue keeps events for %s", reader, oldest, strings.TrimSuffix(keeps.String(), "0m0s"))}
}

// write prints the Prometheus page.
func (h *house) writeMetrics(ctx context.Context, w io.Writer) {
	h.meters.set.WritePrometheus(w)
	metrics.WriteProcessMetrics(w)
	s, err := h.status(ctx)
	if err != nil {
		return // the page shows what is known
	}
	gauge := func(name string, v any) { fmt.Fprintf(w, "%s %v\n", name, v) }
	gauge("footfall_accepted_events", s.Accepted)
	gauge("footfall_stored_events", s.Stored)
	gauge("footfall_duplicate_events", s.Duplicates)
	gauge("footfall_set_aside_events", s.SetAside)
	gauge("footfall_dropped_events", s.Dropped)
	gauge("footfall_removed_events", s.Removed)
	gauge("footfall_waiting_events", s.Waiting)
	gauge("footfall_archived_events", s.Archived)
	gauge("footfall_aside_discarded_items", s.Discarded)
	gauge("footfall_queue_bytes", s.QueueBytes)
	gauge("footfall_queue_max_age_seconds", s.MaxAge)
	gauge("footfall_store_bytes", s.StoreBytes)
	gauge("footfall_store_mended_total", s.Mended)
	gauge("footfall_live_questions_total", h.streams.Asked())
	if s.Notices.Error == "" {
		gauge("footfall_webhook_waiting_messages", s.Notices.Waiting)
	}
	visitors, bytes := h.live.Recent()
	gauge("footfall_history_live_visitors", visitors)
	gauge("footfall_history_live_bytes", bytes)
	for name, seconds := range s.LagSeconds {
		gauge(fmt.Sprintf("footfall_lag_seconds{reader=%q}", name), seconds)
	}
	for name, n := range s.Aside {
		gauge(fmt.Sprintf("footfall_aside_items{reader=%q}", name), n)
	}
}

// watch warns while something waiting is in danger of expiring.
func (h *house) watch(ctx context.Context) {
	tick := time.NewTicker(min(time.Minute, h.queue.MaxAge()/10))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if s, err := h.status(ctx); err == nil && s.Expiring {
				h.log.Error("events have been waiting for more than half of the queue's maximum age and will expire; see: footfall doctor",
					"lag_seconds", s.LagSeconds, "maximum_age", h.queue.MaxAge())
			}
		}
	}
}
