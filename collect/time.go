package collect

import (
	"math"
	"strings"
	"time"

	"footfall/event"
)

const (
	tolerance = 5 * time.Minute // a clock that is off by less is taken as right
	skewStep  = 5 * time.Minute // corrections are whole steps
	ahead     = 24 * time.Hour  // a time further in the future than this is nobody's
)

// When is the time an event is kept under, from the time the client's clock
// gave it (original), the client's time when sending (sent, zero if unknown)
// and the collector's time (received). skew is t - original where the clock was
// corrected; flag says why t is not original: "skew", "future", or "".
//
// The textbook formula, received - (sent - original), takes received - sent for
// the clock's error. Most clients keep the old sent on a resend, so the delay
// of the resend is in there too and every second of it would move the event.
// From one request the two can't be told apart: with a stale sent the received
// moves alone, with a fresh one both move, so a time that is the same for every
// resend can hang on neither. What can be had is a correction in steps:
//
//   - Up to 5 minutes between sent and received nothing is corrected: an event
//     with a right clock, resent within 5 minutes, keeps its original time,
//     whatever its sent.
//   - Beyond, the error is rounded down to whole steps of 5 minutes. A clock
//     that is off by whole steps (a wrong time zone, a wrong date) is corrected
//     exactly, and a resend within 5 minutes gets the same time. Any other error
//     is corrected to within one step, never too late, and a resend with a stale
//     sent gets the same time unless a step falls between the two tries. Then,
//     the first one kept counts: the id is the same.
//   - A right clock whose event arrives with a sent older than 5 minutes can't
//     be told from a slow clock, and is moved. Clients that keep events for
//     long must refresh sentAt, which browsers' SDKs do; original is kept.
//
// A corrected time never passes received. A time more than 24 hours ahead of
// received, corrected or not, is replaced by received and flagged "future".
// What readTime refuses does not come here; a corrected time may be one that it
// would refuse.
func When(original, sent, received time.Time) (t time.Time, skew time.Duration, flag string) {
	t = original
	if off := received.Sub(sent); !sent.IsZero() && (off > tolerance || off < -tolerance) {
		t = original.Add(floor(off))
		if t.After(received) {
			t = received
		}
		skew, flag = t.Sub(original), "skew"
	}
	if t.After(received.Add(ahead)) {
		return received, received.Sub(original), "future"
	}
	return t, skew, flag
}

// floor rounds down to whole steps, also below zero.
func floor(d time.Duration) time.Duration {
	d = max(d, math.MinInt64+skewStep) // Sub saturates, and a step below would wrap around
	steps := d / skewStep
	if d%skewStep < 0 {
		steps--
	}
	return steps * skewStep
}

// layouts are the spellings of a time that are understood. One without a zone
// is UTC.
var layouts = [...]string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999",
	"2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999",
	"2006-01-02",
}

// readTime reads the time in an event's field. The empty text is no time. Now is
// the collector's.
func readTime(field, s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range layouts {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		return t.UTC(), event.Timely(field, t, now)
	}
	if strings.Trim(s, "0123456789.") == "" {
		return time.Time{}, event.Invalid(field, "is a number; write it like 2021-03-13T12:34:56.789Z")
	}
	return time.Time{}, event.Invalid(field, "is not a time like 2021-03-13T12:34:56.789Z")
}
