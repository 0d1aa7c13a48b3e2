package metric

import "footfall/period"

// PageDay is a line of the daily table: what a page got on a date of its site,
// in the site's zone. People only.
type PageDay struct {
	Date     period.Date
	Page     string
	Views    int64
	Visitors int64 // distinct that day
	Estimate bool  // of Visitors
}
