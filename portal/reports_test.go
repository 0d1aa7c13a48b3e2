package portal

import (
	"context"
	"strings"
	"testing"

	"footfall/account"
)

// rhythms is how often affiliates get their figures.
type rhythms map[string]account.Rhythm

func (r rhythms) Rhythm(_ context.Context, affiliate string) (account.Rhythm, error) {
	return r[affiliate], nil
}

func (r rhythms) SetRhythm(_ context.Context, affiliate string, rhythm account.Rhythm) error {
	r[affiliate] = rhythm
	return nil
}

// TestReports: an affiliate chooses how often its own figures come, whatever the form
// says of another; without mail nothing is offered.
func TestReports(t *testing.T) {
	kept := rhythms{}
	w := newWorldWith(t, Options{Mail: true, Reports: kept})
	w.as(w.anna)
	has(t, w.get("/portal/profile"), "Your figures by e-mail", `<option value="">never</option>`)
	has(t, w.done("/portal/profile", "name", "Anna", "payout_reference", "x", "report", "weekly", "affiliate", w.ben.ID), "<option selected>weekly</option>")
	w.refused("<option>daily</option>", "/portal/profile", "name", "Anna", "payout_reference", "x", "report", "hourly")
	if len(kept) != 1 || kept[w.anna.ID] != account.Weekly {
		t.Errorf("kept %v", kept)
	}
	w.done("/portal/profile", "name", "Anna", "payout_reference", "x", "report", "")
	if kept[w.anna.ID] != "" {
		t.Errorf("kept %v", kept)
	}
	w = newWorldWith(t, Options{Reports: kept})
	w.as(w.anna)
	if page := w.get("/portal/profile"); strings.Contains(page, "Your figures by e-mail") {
		t.Error("reports are offered where no mail is sent")
	}
}
