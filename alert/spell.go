package alert

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"footfall/mail"
	"footfall/metric"
)

// About says in a letter what changed, by the clock of a zone.
func (r Rule) About(c Change, zone *time.Location) (kind mail.Kind, about mail.About) {
	kind = mail.AlertBegan
	if c.Over {
		kind = mail.AlertOver
	}
	of := map[metric.Name]string{metric.PageViews: "page views", metric.Visitors: "visitors"}[r.Metric]
	about.What = map[Kind]string{Spike: "Many more " + of + " than usual", Drop: "Far fewer " + of + " than usual", Silence: "No events", Aside: "Many events are set aside", Lag: "Events wait long"}[r.Kind]
	rule := r.String()
	about.Rule = strings.ToUpper(rule[:1]) + rule[1:]
	switch r.Kind {
	case Silence:
		about.Figure = several(c.Now, "event") + " in " + several(r.Minutes, "minute")
	case Lag:
		about.Figure = several(c.Now, "minute")
	default:
		about.Figure = fmt.Sprintf("%d in an hour", c.Now)
	}
	if c.Usual >= 0 {
		about.Usual = strings.TrimSuffix(strings.TrimSuffix(strconv.FormatFloat(float64(c.Usual)/100, 'f', 1, 64), "0"), ".")
	}
	about.Since = c.Began.In(zone).Format("2 Jan 2006, 15:04 MST")
	return kind, about
}
