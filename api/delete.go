package api

import (
	"encoding/json"

	"footfall/account"
	"footfall/metric"
)

// ParseFilters reads conditions as the field filters of POST /v1/query has them: a
// list, all of which hold; nil if there is none. What is wrong is a
// *metric.QueryError.
func ParseFilters(text []byte, site account.Site) (*metric.Where, error) {
	if len(text) == 0 {
		return nil, nil
	}
	body, err := json.Marshal(map[string]json.RawMessage{"filters": text})
	if err != nil {
		return nil, wrong("filters: this is no JSON: %v", err)
	}
	in := readStrictly(body, &err, "filters")
	if err != nil {
		return nil, err
	}
	where := (&question{site: site}).together(in["filters"], 1)
	if err == nil && where != nil {
		err = where.Check()
	}
	return where, err
}
