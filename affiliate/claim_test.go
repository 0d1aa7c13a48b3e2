package affiliate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"footfall/affiliate"
	"footfall/event"
)

// TestRule15ClaimedUser: who claims to be users whose ids can be guessed gets
// their orders held; people with two devices, and a family at one, do not.
func TestRule15ClaimedUser(t *testing.T) {
	viewed := func(browser, user string, at time.Time) event.Event {
		e := click("v"+browser+user, browser, "anna", at)
		e.UserID = user
		return e
	}
	hour := noon.Add(-time.Hour)
	for name, c := range map[string]struct {
		events    []event.Event
		after     []event.Event // that come after the order
		anonymous string
		evidence  string
	}{
		"a telephone and a computer": {[]event.Event{click("p", "phone", "anna", hour), identify("phone", "u1", hour)}, nil, "computer", ""},
		"a family's browser":         {[]event.Event{click("p", "home", "anna", hour), identify("home", "u1", hour), identify("home", "u2", hour)}, nil, "", ""},
		"many users at one browser":  {[]event.Event{click("p", "evil", "anna", hour), identify("evil", "u1", hour), identify("evil", "u2", hour), identify("evil", "u3", hour)}, nil, "", "of 3 users"},
		"the others come later":      {[]event.Event{click("p", "evil", "anna", hour), identify("evil", "u1", hour)}, []event.Event{identify("evil", "u2", hour), identify("evil", "u3", hour)}, "mine", "of 3 users"},
		"in the click itself":        {[]event.Event{viewed("evil", "u1", hour), identify("evil", "u2", hour), identify("evil", "u3", hour)}, nil, "mine", "of 3 users"},
		"the order's own browser":    {[]event.Event{click("p", "evil", "anna", hour), identify("evil", "u1", hour), identify("evil", "u2", hour), identify("evil", "u3", hour)}, nil, "evil", ""},
		"said after the order":       {[]event.Event{click("p", "evil", "anna", hour)}, []event.Event{identify("evil", "u1", noon.Add(time.Minute))}, "", "after the order"},
		"late, but said before":      {[]event.Event{click("p", "phone", "anna", hour)}, []event.Event{identify("phone", "u1", hour)}, "", ""},
		"many browsers of one customer": {func() (all []event.Event) {
			for i := range 6 {
				all = append(all, viewed(fmt.Sprint("evil", i), "u1", hour))
			}
			return all
		}(), nil, "", "6 browsers"},
	} {
		t.Run(name, func(t *testing.T) {
			d := openDesk(t, nil)
			d.write(c.events...)
			r := order("1", c.anonymous, 1000, noon)
			r.User = "u1"
			d.take(r)
			d.now = noon.Add(10 * time.Minute)
			d.write(c.after...)
			flags, err := d.Flags(t.Context(), d.program.ID)
			if err != nil {
				t.Fatal(err)
			}
			if c.evidence == "" && len(flags) > 0 || c.evidence != "" && (len(flags) != 1 || flags[0].Type != affiliate.ClaimedUser || !strings.Contains(flags[0].Evidence, c.evidence)) {
				t.Errorf("flags are %+v, want %q", flags, c.evidence)
			}
			held := d.balance(d.anna).Held
			if d.earned(d.anna) != 500 || (held > 0) != (c.evidence != "") {
				t.Errorf("earned %d, held %d", d.earned(d.anna), held)
			}
		})
	}
}

// TestClaimedByServer: a click that the shop's server ties to a user, without any
// browser's id, is no browser's word; said before the order it is not late.
func TestClaimedByServer(t *testing.T) {
	const cid = "01HZX5T4ABCDEFGHJKMNPQRSTV"
	for said, flags := range map[time.Duration]int{-time.Hour: 0, time.Hour: 1} {
		d := openDesk(t, nil)
		clicked, told := noon.Add(-2*time.Hour), noon.Add(said)
		d.write(event.Event{ID: "c", Site: "one", Kind: event.Track, Name: affiliate.Clicked, Time: clicked, Original: clicked, Received: clicked, Visitor: 77, Channel: "redirect",
			Host: "one.example", Path: "/course", Properties: `{"affiliate_code":"anna","click_id":"` + cid + `","source":"link"}`},
			event.Event{ID: "i", Site: "one", Kind: event.Identify, Time: told, Original: told, Received: told, UserID: "u1", Context: `{"affiliate":{"cid":"` + cid + `"}}`})
		r := order("1", "", 10000, noon)
		r.User = "u1"
		taken := d.take(r)
		all, err := d.Flags(t.Context(), d.program.ID)
		if err != nil || taken.Order.Affiliate != d.anna.ID || len(all) != flags {
			t.Errorf("said %v after the order: %+v, %d flags, want %d, %v", said, taken.Decision, len(all), flags, err)
		}
	}
}
