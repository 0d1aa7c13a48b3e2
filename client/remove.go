package client

import (
	"context"
	"errors"
	"net/http"
)

// Deletion is which events of a site should never have counted.
type Deletion struct {
	Site    string   `json:"site_id,omitempty"` // id or domain; needed if the key sees several
	Range   Range    `json:"date_range"`        // Days or Between
	Filters []Filter `json:"filters,omitempty"` // all of them hold; none: all events of the range, bots among them
}

// Deleted is what a deletion would take, or took.
type Deleted struct {
	Plan     string `json:"plan"` // of a look: names it to DeletePlanned; "" where there is nothing to delete
	DryRun   bool   `json:"dry_run"`
	Site     string `json:"site"`
	From     string `json:"from"`          // RFC 3339
	To       string `json:"to"`            // not included
	Frozen   string `json:"frozen_before"` // earlier dates are left alone, as their events are removed; "" is none
	Events   int64  `json:"events"`
	Views    int64  `json:"page_views"`
	Bots     int64  `json:"bots"`     // events
	Visitors int64  `json:"visitors"` // distinct, with a page view
	Days     []struct {
		Date     string `json:"date"`
		Events   int64  `json:"events"`
		Views    int64  `json:"page_views"`
		Bots     int64  `json:"bots"`
		Visitors int64  `json:"visitors"`
	} `json:"days"`
	Archive int64 `json:"archive"`   // events that go from there
	Aside   int64 `json:"set_aside"` // items that go
	Orders  int64 `json:"orders"`    // that the ledger has of the time, and keeps
	Touches int64 `json:"touches"`   // likewise
}

// LookToDelete tells what would go, and deletes nothing. It needs a key of the scope
// admin, as DeletePlanned does. What the server refuses is an *Error.
func (c Client) LookToDelete(ctx context.Context, d Deletion) (*Deleted, error) {
	return posted[Deleted](ctx, c, "/v1/events/delete", d)
}

// DeletePlanned deletes, for good, what a look of the last 15 minutes told, and waits
// for it. Where ctx ends before, the server goes on, and the same call waits again.
func (c Client) DeletePlanned(ctx context.Context, plan string) (*Deleted, error) {
	return carriedOut[Deleted](ctx, c, "/v1/events/delete", plan)
}

// Person is somebody who is to be erased, named by one of User, Anonymous, Email and Order.
type Person struct {
	Site      string `json:"site_id,omitempty"`
	User      string `json:"user_id,omitempty"`
	Anonymous string `json:"anonymous_id,omitempty"` // as the SDK has it
	Email     string `json:"email,omitempty"`        // of an order, or a user id that is an address
	Order     string `json:"order,omitempty"`        // the shop's number
	Store     string `json:"store,omitempty"`        // the shop that has the order, if it has a name
	Only      bool   `json:"only,omitempty"`         // follow no links from there to other ids
}

// Erased is what there is of a person, or was.
type Erased struct {
	Plan   string   `json:"plan"` // of a look: names it to ErasePlanned
	DryRun bool     `json:"dry_run"`
	Site   string   `json:"site"`
	Keys   []string `json:"keys"` // all ids that are the person's, each with its kind: user:u1
	Places []struct {
		Place string `json:"place"`
		Count int64  `json:"count"`
		What  string `json:"what"` // becomes of it
	} `json:"places"`
	Until string   `json:"queue_until"`  // RFC 3339: by then the queue has expired what it has; "" of a look
	Left  []string `json:"left_to_look"` // files that nobody can look into
}

// LookToErase tells what there is of a person, and erases nothing. It needs a key of the
// scope erase, as ErasePlanned does. What the server refuses is an *Error.
func (c Client) LookToErase(ctx context.Context, p Person) (*Erased, error) {
	return posted[Erased](ctx, c, "/v1/persons/erase", p)
}

// ErasePlanned erases who was looked for in the last 15 minutes, and waits for it, as
// DeletePlanned does. A server that is restarted meanwhile has erased a part: look and
// erase again, and it goes on.
func (c Client) ErasePlanned(ctx context.Context, plan string) (*Erased, error) {
	return carriedOut[Erased](ctx, c, "/v1/persons/erase", plan)
}

// carriedOut has a plan done. What takes long is asked for again: the server answers when
// it has ended, or half a minute later that it has not.
func carriedOut[T any](ctx context.Context, c Client, path, plan string) (*T, error) {
	for {
		out, err := posted[T](ctx, c, path, map[string]string{"plan": plan})
		if waits, ok := errors.AsType[*Error](err); !ok || waits.Status != http.StatusAccepted {
			return out, err
		}
	}
}
