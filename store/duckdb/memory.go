package duckdb

import (
	"os"
	"strconv"
	"strings"
)

// maxGrowth is by how much the process may grow while a selection runs, in
// bytes. DuckDB's limit does not count the texts in a step of a query.
const maxGrowth = 1 << 30

// resident is the memory that the process has, in bytes; 0 where that can't be told.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
