package client

import (
	"context"
	"time"
)

// RetentionQuery is the question how many of those who were first seen in a step came
// back in the steps behind it.
type RetentionQuery struct {
	Site      string   `json:"site_id,omitempty"` // id or domain; needed if the key sees several
	Range     Range    `json:"date_range"`        // widened to whole steps
	Step      string   `json:"step,omitempty"`    // "day", "week" or "month"; "" is a week
	Returning []Filter `json:"returning,omitempty"`
	Filters   []Filter `json:"filters,omitempty"` // of the visitor's first event
	Zone      string   `json:"timezone,omitempty"`
	Bots      bool     `json:"bots,omitempty"`
}

// Retention is the answer to one.
type Retention struct {
	Cohorts []struct {
		Start    string `json:"start"` // the first day of the step
		Size     int64  `json:"size"`
		Partial  bool   `json:"partial"` // the step is not over yet
		Returned []struct {
			Start    string `json:"start"`
			Visitors int64  `json:"visitors"`
			Rate     Number `json:"rate"` // in per cent of Size; nil of nobody
			Partial  bool   `json:"partial"`
		} `json:"returned"` // in each step behind it that has begun
	} `json:"cohorts"`
	Average []struct {
		Step     int    `json:"step"`
		Of       int64  `json:"of"`
		Visitors int64  `json:"visitors"`
		Rate     Number `json:"rate"`
	} `json:"average"` // of all cohorts for which the step is over
	Visitors struct {
		Known   int64 `json:"known"`
		LeftOut int64 `json:"left_out"` // without an id that lasts: nothing else tells of them
	} `json:"visitors"` // of the range, whatever the filters
	Meta  VisitMeta      `json:"meta"`
	Query RetentionQuery `json:"query"`
}

// JourneyQuery is the question which pages are next to a page or an event in its
// session.
type JourneyQuery struct {
	Site      string   `json:"site_id,omitempty"`
	Range     Range    `json:"date_range"`
	Page      *string  `json:"page,omitempty"`      // a path; or else
	Event     string   `json:"event,omitempty"`     // the name of a track event
	Direction string   `json:"direction,omitempty"` // "next" or "previous"; "" is next
	Depth     int      `json:"depth,omitempty"`     // 1 to 3; 0 is 1
	Limit     int      `json:"limit,omitempty"`     // most pages behind each; 0 is 10
	Filters   []Filter `json:"filters,omitempty"`   // of the views, or events, that it is from
	Zone      string   `json:"timezone,omitempty"`
	Bots      bool     `json:"bots,omitempty"`
}

// Journey is the answer to one. Shares are in per cent of Views; nil of nothing.
type Journey struct {
	Views      int64        `json:"views"`
	Apart      int64        `json:"apart"` // in no session
	ApartShare Number       `json:"apart_share"`
	From       JourneyPlace `json:"from"` // all others
	Meta       VisitMeta    `json:"meta"`
	Query      JourneyQuery `json:"query"`
}

// JourneyPlace is a page that visitors went to, or came from, by one way. Where the
// depth ends, nothing is told of what is behind.
type JourneyPlace struct {
	Page        string         `json:"page"`
	Views       int64          `json:"views"`
	Share       Number         `json:"share"`
	Ended       int64          `json:"ended"` // left here or, looking back, entered here
	EndedShare  Number         `json:"ended_share"`
	Pages       []JourneyPlace `json:"pages"`
	Others      int64          `json:"others"` // of pages beyond the limit
	OthersShare Number         `json:"others_share"`
	TotalPages  int64          `json:"total_pages"`
}

// VisitMeta tells how figures of visits came about.
type VisitMeta struct {
	Source   string    `json:"source"`
	AsOf     time.Time `json:"as_of"` // everything received before is counted
	Warnings []string  `json:"warnings"`
}

// Retention asks who came back. What the server refuses is an *Error.
func (c Client) Retention(ctx context.Context, q RetentionQuery) (*Retention, error) {
	return posted[Retention](ctx, c, "/v1/retention", q)
}

// Journey asks which pages are next to one. What the server refuses is an *Error.
func (c Client) Journey(ctx context.Context, q JourneyQuery) (*Journey, error) {
	return posted[Journey](ctx, c, "/v1/journey", q)
}
