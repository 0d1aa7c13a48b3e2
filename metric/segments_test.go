package metric

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"footfall/period"
)

// TestSegmentsAsked: only the segments that can matter are looked up, and no more
// memberships than can be told apart at once.
func TestSegmentsAsked(t *testing.T) {
	in := func(op Op, values ...string) Where { return Where{Dimension: Segment, Op: op, Values: values} }
	fans, none, some := in(Is, "fans"), in(Is, "fans", ""), in(Contains, "f")
	for _, x := range []struct {
		by    []Dimension
		where *Where
		want  string
	}{
		{nil, nil, "[] false"}, {[]Dimension{"page"}, &Where{Dimension: "page", Op: Is, Values: []string{"fans"}}, "[] false"},
		{[]Dimension{Segment}, nil, "[] true"}, {nil, &fans, "[fans] false"}, {nil, &Where{Not: &fans}, "[fans] false"}, {nil, &none, "[fans ] true"}, {nil, &some, "[f] true"},
		{nil, &Where{All: []Where{fans, {Any: []Where{in(Is, "a", "b")}}}}, "[fans a b] false"}, {nil, &Where{Not: &Where{Done: &fans}}, "[fans] false"},
	} {
		names, all := Report{By: x.by, Where: x.where}.Segments()
		if got := fmt.Sprint(names, all); got != x.want {
			t.Errorf("by %v where %+v asks of %s, want %s", x.by, x.where, got, x.want)
		}
	}
	r := Report{Site: "s", Metrics: []Name{Visitors}, By: []Dimension{Segment}, Window: period.Window{From: time.Unix(0, 0), To: time.Unix(1, 0)}, Members: make([]Member, MaxMembers)}
	if err := r.Check(); err != nil {
		t.Error(err)
	}
	r.Members = append(r.Members, Member{})
	if err := r.Check(); err == nil || !strings.Contains(err.Error(), "more than 200000 memberships") {
		t.Error(err)
	}
}
