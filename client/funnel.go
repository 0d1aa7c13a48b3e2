package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Funnel is a question for how many visitors did some things one after another.
type Funnel struct {
	Site    string   `json:"site_id,omitempty"` // id or domain; needed if the key sees several
	Saved   string   `json:"funnel,omitempty"`  // name of one that the site keeps: or else
	Steps   []Step   `json:"steps,omitempty"`   // 2 to 8, and Within
	Range   Range    `json:"date_range"`
	Within  string   `json:"within,omitempty"`  // most time from the first step to the last: "30m", "24h", "7d"
	Filters []Filter `json:"filters,omitempty"` // what holds of the event of every step
	Zone    string   `json:"timezone,omitempty"`
	Bots    bool     `json:"bots,omitempty"`
}

// Step is a goal of the site, a page viewed or an event sent.
type Step struct {
	Name    string   `json:"name,omitempty"` // what it is called in the answer
	Goal    string   `json:"goal,omitempty"`
	Page    string   `json:"page,omitempty"` // path; * is any characters
	Event   string   `json:"event,omitempty"`
	Filters []Filter `json:"filters,omitempty"` // what else holds of it, if it is no goal
}

// Passage is the answer to a funnel.
type Passage struct {
	Steps []StepResult `json:"results"`
	Meta  struct {
		Source string    `json:"source"`
		AsOf   time.Time `json:"as_of"`  // everything received before is counted
		Saved  string    `json:"funnel"` // the name by which it was asked

		Experiments []Exposed `json:"experiments"` // those by whose arms it is filtered
	} `json:"meta"`
	Query Funnel `json:"query"` // the funnel as the server understood it
}

// StepResult is what became of visitors at a step. Rates are in per cent; nil is one of
// nobody.
type StepResult struct {
	Name     string `json:"name"`
	Visitors int64  `json:"visitors"`             // who did it, after all before it
	Rate     Number `json:"conversion_rate"`      // of the first step's visitors
	StepRate Number `json:"conversion_rate_step"` // of those of the step before; nil at the first
	Dropoff  int64  `json:"dropoff"`              // who did the step before and not this one
	DropRate Number `json:"dropoff_percentage"`   // of the visitors of the step before
}

// SavedFunnel is a funnel that a site keeps under a name.
type SavedFunnel struct {
	Name   string `json:"name"`
	Steps  []Step `json:"steps"`
	Within string `json:"within,omitempty"`
}

type funnelList struct {
	Funnels []SavedFunnel `json:"funnels"`
}

// ofSite is a path, of a site if one is named.
func ofSite(path, site string) string {
	if site == "" {
		return path
	}
	return path + "?site=" + url.QueryEscape(site)
}

// SavedFunnels lists the funnels of a site, "" if the key sees one only. What the server
// refuses is an *Error.
func (c Client) SavedFunnels(ctx context.Context, site string) ([]SavedFunnel, error) {
	var out funnelList
	if err := c.call(ctx, http.MethodGet, ofSite("/v1/funnels", site), nil, &out); err != nil {
		return nil, err
	}
	return out.Funnels, nil
}

// SaveFunnel keeps a funnel of a site under its name, new or not. It needs a key of the
// scope admin, as RemoveFunnel does.
func (c Client) SaveFunnel(ctx context.Context, site string, f SavedFunnel) error {
	body, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("footfall: the funnel can't be spelled: %w", err)
	}
	return c.call(ctx, http.MethodPut, ofSite("/v1/funnels/"+url.PathEscape(f.Name), site), body, &funnelList{})
}

// RemoveFunnel removes the funnel of a name; one that is not there is an *Error of the
// status 404.
func (c Client) RemoveFunnel(ctx context.Context, site, name string) error {
	return c.call(ctx, http.MethodDelete, ofSite("/v1/funnels/"+url.PathEscape(name), site), nil, new(struct{}))
}

// Funnel asks a funnel. What the server refuses is an *Error.
func (c Client) Funnel(ctx context.Context, f Funnel) (*Passage, error) {
	return posted[Passage](ctx, c, "/v1/funnel", f)
}
