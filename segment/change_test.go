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

func TestSignature(t *testing.T) {
	secret, body, at := []byte("whsec"), []byte(`{"a":1}`), time.Unix(1700000000, 0)
	// Computed with another program.
	const right = "t=1700000000,v1=8ad37ba156048ae0e0a5533c75cdf26fee88b07f93cb57ee4c80adb053012032"
	if got := Sign(secret, body, at); got != right {
		t.Fatalf("got %s, want %s", got, right)
	}
	_, v1, _ := strings.Cut(right, ",")
	for _, c := range []struct {
		name, secret, body, header string
		later                      time.Duration
		ok                         bool
	}{
		{"right", "whsec", `{"a":1}`, right, 0, true},
		{"five minutes old", "whsec", `{"a":1}`, right, SignatureAge, true},
		{"too old", "whsec", `{"a":1}`, right, SignatureAge + time.Second, false},
		{"from the future", "whsec", `{"a":1}`, right, -SignatureAge - time.Second, false},
		{"one of two", "whsec", `{"a":1}`, "t=1700000000,v1=00," + v1, 0, true},
		{"one of two, the first", "whsec", `{"a":1}`, right + ",v1=00", 0, true},
		{"and a later version", "whsec", `{"a":1}`, right + ",v2=what", 0, true},
		{"another secret", "wrong", `{"a":1}`, right, 0, false},
		{"no secret", "", `{"a":1}`, Sign(nil, body, at), 0, false},
		{"another body", "whsec", `{"a":2}`, right, 0, false},
		{"another time", "whsec", `{"a":1}`, strings.Replace(right, "1700000000", "1700000001", 1), 0, false},
		{"cut", "whsec", `{"a":1}`, right[:len(right)-2], 0, false},
		{"no hex", "whsec", `{"a":1}`, "t=1700000000,v1=xy", 0, false},
		{"no time", "whsec", `{"a":1}`, v1, 0, false},
		{"no signature", "whsec", `{"a":1}`, "t=1700000000", 0, false},
		{"nothing", "whsec", `{"a":1}`, "", 0, false},
	} {
		if err := Verify([]byte(c.secret), []byte(c.body), c.header, at.Add(c.later)); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
