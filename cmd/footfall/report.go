package main

import (
	"context"
	"errors"

	"footfall/metric"
)

// tabled answers reports.
type tabled struct{ h *house }

var errNoTables = errors.New("tables can't be counted yet")

// Report answers a report.
func (t tabled) Report(context.Context, metric.Report) (metric.Table, error) {
	return metric.Table{}, errNoTables
}
