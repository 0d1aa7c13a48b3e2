package main

import (
	"context"
	"errors"
	"testing"

	"footfall/account"
	"footfall/dash"
)

// TestAsideTellsWhy: an item that is not there is told from a queue that can't be read.
func TestAsideTellsWhy(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.giveUp(events("odd", 1, true)...)
	id := h.items("store")[0].ID
	o := operations{h.house}
	if _, err := o.Aside(t.Context(), dash.AsideFilter{ID: id + 1}); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("an item that is not there: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.Aside(gone, dash.AsideFilter{ID: id}); err == nil || errors.Is(err, account.ErrNotFound) {
		t.Errorf("an item that can't be read: %v", err)
	}
}
