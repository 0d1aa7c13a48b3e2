package dash

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestAudit(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	if page := w.get(t, "/audit"); !strings.Contains(page, "There was no recount yet") {
		t.Errorf("without a recount the page says %s", page)
	}
	for _, c := range []struct {
		audit Audit
		err   error
		want  []string
	}{
		{Audit{At: fixed, Took: 1500 * time.Millisecond, Figures: 3102, Days: 5, Events: 60449}, nil,
			[]string{"All 3,102 figures agree", "60,449 events of 5 days", "in 1.5s"}},
		{Audit{At: fixed, Differences: 1, Figures: 10, Examples: []Difference{{"shop page <b>", "D2026-325", "PageViews", 7, 8}}}, nil,
			[]string{"1 of 10 figures differ", "shop page &lt;b&gt;", "D2026-325", "footfall rebuild"}},
		{Audit{}, errors.New("unreadable"), []string{"can&#39;t be read"}},
	} {
		w := newWorldWith(t, Options{Now: now, Audit: func(context.Context) (Audit, error) { return c.audit, c.err }}, "atelier.example")
		lacks(t, w.get(t, "/audit"), c.want...)
	}
}
