package segment

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestChanges(t *testing.T) {
	m := func(list ...string) (in []Membership) {
		for _, s := range list {
			name, version, _ := strings.Cut(s, "@")
			in = append(in, Membership{name, len(version)})
		}
		return in
	}
	for _, c := range []struct {
		before, after []Membership
		want          string
	}{
		{nil, nil, ""},
		{nil, m("b@", "a@"), "+a +b"},
		{m("a@", "b@"), nil, "-a -b"},
		{m("a@", "b@"), m("b@", "c@"), "-a +c"},
		{m("a@1"), m("a@12"), ""}, // a new version that leaves the visitor in
	} {
		var got []string
		for _, change := range Changes(c.before, c.after) {
			got = append(got, map[string]string{Entered: "+", Left: "-"}[change.Type]+change.Segment)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("from %v to %v: %q, want %q", c.before, c.after, s, c.want)
		}
	}
	if left := Changes(m("a@12"), nil); left[0].Version != 2 {
		t.Errorf("left with version %d, want that of the membership", left[0].Version)
	}
}

func TestMemberships(t *testing.T) {
	h, traits, today := someone(t)
	definitions := append([]Definition{{"pros", 2, Trait{"plan", Equals, "pro"}}}, exampleRead...)
	got := Memberships(definitions, h, traits, today)
	if want := []Membership{{"pros", 2}, {"winter", 0}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if none, _ := json.Marshal(Memberships(nil, h, traits, today)); string(none) != "[]" {
		t.Errorf("no segments are %s", none)
	}
}

func TestNotice(t *testing.T) {
	at := time.Unix(1700000000, 123_900_000).In(time.FixedZone("", 3600))
	n := Change{Entered, Membership{"fans", 2}}.Notice("shop", "u1", at)
	got, err := json.Marshal(n)
	want := `{"id":"7bd05652d928846af4e037e546b2c71b","type":"segment.entered","site":"shop","segment":"fans","version":2,` +
		`"visitor":"u1","at":"2023-11-14T22:13:20.123Z"}`
	if err != nil || string(got) != want {
		t.Errorf("got %s (%v)\nwant %s", got, err, want)
	}
	ids := map[string]bool{n.ID: true}
	for _, other := range []Notice{
		Change{Left, Membership{"fans", 2}}.Notice("shop", "u1", at),
		Change{Entered, Membership{"fans", 3}}.Notice("shop", "u1", at),
		Change{Entered, Membership{"fan", 2}}.Notice("shop", "u1", at),
		Change{Entered, Membership{"fans", 2}}.Notice("shop", "u2", at),
		Change{Entered, Membership{"fans", 2}}.Notice("sho", "pu1", at),
		Change{Entered, Membership{"fans", 2}}.Notice("shop", "u1", at.Add(time.Second)),
	} {
		ids[other.ID] = true
	}
	if len(ids) != 7 {
		t.Errorf("7 notices have %d ids", len(ids))
	}
}
