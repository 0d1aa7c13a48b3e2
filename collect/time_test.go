package collect

import (
	"testing"
	"time"
)

func TestWhen(t *testing.T) {
	r := testNow
	for _, x := range []struct {
		name                 string
		original, sent, want time.Duration // before received
		noSent               bool
		flag                 string
	}{
		{"right clock", 2 * time.Second, time.Second, 2 * time.Second, false, ""},
		{"stale sent, 33 s", 34 * time.Second, 33 * time.Second, 34 * time.Second, false, ""},
		{"stale sent, 5 min", 5*time.Minute + time.Second, 5 * time.Minute, 5*time.Minute + time.Second, false, ""},
		{"kept for a day, fresh sent", 24 * time.Hour, 0, 24 * time.Hour, false, ""},
		{"an hour slow", time.Hour + time.Second, time.Hour, time.Second, false, "skew"},
		{"an hour slow, kept for two", 3 * time.Hour, time.Hour, 2 * time.Hour, false, "skew"},
		{"an hour fast", time.Second - time.Hour, -time.Hour, time.Second, false, "skew"},
		{"17 min slow", 17*time.Minute + time.Second, 17 * time.Minute, 2*time.Minute + time.Second, false, "skew"},
		{"17 min fast", time.Second - 17*time.Minute, -17 * time.Minute, 3*time.Minute + time.Second, false, "skew"},
		{"sent before it happened", 10 * time.Minute, time.Hour, 0, false, "skew"},
		{"no sent, old", 10 * 365 * 24 * time.Hour, 0, 10 * 365 * 24 * time.Hour, true, ""},
		{"no sent, 23 h ahead", -23 * time.Hour, 0, -23 * time.Hour, true, ""},
		{"no sent, 25 h ahead", -25 * time.Hour, 0, 0, true, "future"},
		{"fresh sent, 25 h ahead", -25 * time.Hour, 0, 0, false, "future"},
	} {
		sent := r.Add(-x.sent)
		if x.noSent {
			sent = time.Time{}
		}
		original := r.Add(-x.original)
		got, skew, flag := When(original, sent, r)
		if !got.Equal(r.Add(-x.want)) || flag != x.flag || (flag == "") != (skew == 0) || flag != "" && !original.Add(skew).Equal(got) {
			t.Errorf("%s: %v before received, skew %v, flag %q", x.name, r.Sub(got), skew, flag)
		}
	}
}

// TestResent is the law: the same event, resent within minutes with the first
// sentAt or a new one, is kept under the same time; and under the original one
// if the clock is right.
func TestResent(t *testing.T) {
	happened := testNow
	for _, off := range []time.Duration{0, time.Second, -time.Minute, time.Hour, -time.Hour, 8 * time.Hour, -10 * time.Minute, 30 * 24 * time.Hour, -5 * 365 * 24 * time.Hour} {
		original := happened.Add(off)
		first := original.Add(300 * time.Millisecond)
		want, _, _ := When(original, first, happened.Add(320*time.Millisecond))
		if truth := original; off.Abs() < tolerance && !want.Equal(truth) || off.Abs() >= tolerance && !want.Equal(happened) {
			t.Errorf("clock off by %v: kept under %v", off, want)
		}
		for delay := time.Second; delay < 4*time.Minute-off.Abs()%skewStep; delay += 7 * time.Second {
			received := happened.Add(320*time.Millisecond + delay)
			for name, sent := range map[string]time.Time{"stale": first, "fresh": first.Add(delay)} {
				if got, _, _ := When(original, sent, received); !got.Equal(want) {
					t.Errorf("clock off by %v, resent after %v with a %s sentAt: %v, want %v", off, delay, name, got, want)
				}
			}
		}
	}
}

func TestReadTime(t *testing.T) {
	for s, want := range map[string]string{
		"2026-11-20T21:16:51.073588971Z": "2026-11-20T21:16:51.073588971Z",
		"2026-11-20T22:16:51+01:00":      "2026-11-20T21:16:51Z",
		"2026-11-20T22:16:51.5+0100":     "2026-11-20T21:16:51.5Z",
		"2026-11-20T21:16:51":            "2026-11-20T21:16:51Z",
		"2026-11-20 21:16:51.25":         "2026-11-20T21:16:51.25Z",
		"2026-11-20":                     "2026-11-20T00:00:00Z",
		"1995-07-01T00:00:00-04:00":      "1995-07-01T04:00:00Z",
		"1970-12-31T23:59:59Z":           "timestamp: lies before 1971",
		"0001-01-01T00:00:00Z":           "timestamp: lies before 1971",
		"2027-12-25T22:00:00Z":           "2027-12-25T22:00:00Z", // 400 days
		"2027-12-25T22:00:00.001Z":       "timestamp: lies more than 400 days ahead of the server's clock",
		"2099-01-01":                     "timestamp: lies more than 400 days ahead of the server's clock",
		"9999-12-31T23:59:59-14:00":      "timestamp: lies more than 400 days ahead of the server's clock",
		"1605912345678":                  "timestamp: is a number; write it like 2021-03-13T12:34:56.789Z",
		"2026-13-01T00:00:00Z":           "timestamp: is not a time like 2021-03-13T12:34:56.789Z",
		"2026-02-30T00:00:00Z":           "timestamp: is not a time like 2021-03-13T12:34:56.789Z",
		"99999-01-01T00:00:00Z":          "timestamp: is not a time like 2021-03-13T12:34:56.789Z",
	} {
		got, err := readTime("timestamp", s, testNow)
		if spelled := got.Format(time.RFC3339Nano); err == nil && spelled != want || err != nil && err.Error() != want {
			t.Errorf("%s: %s %v, want %s", s, spelled, err, want)
		}
	}
}
