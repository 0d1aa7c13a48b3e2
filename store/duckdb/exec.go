package duckdb

import (
	"errors"
	"time"

	"github.com/duckdb/duckdb-go/mapping"
)

// nap is how long the writer sleeps while another of DuckDB's threads works for it.
const nap = 100 * time.Microsecond

// run runs one statement of the writer's. The driver's own way asks without a
// pause whether it is done as soon as one of DuckDB's threads has taken the work,
// and a COMMIT that begins a checkpoint takes long: that cost a tenth of the
// server's time.
func (s *Store) run(query string) error {
	conn, err := handle(s.conn)
	if err != nil {
		return err
	}
	var statement mapping.PreparedStatement
	defer mapping.DestroyPrepare(&statement)
	if mapping.Prepare(conn, query, &statement) == mapping.StateError {
		return errors.New(mapping.PrepareError(statement))
	}
	var r mapping.Result
	defer mapping.DestroyResult(&r)
	return await(statement, &r)
}

// await runs a statement.
func await(statement mapping.PreparedStatement, r *mapping.Result) error {
	var pending mapping.PendingResult
	defer mapping.DestroyPending(&pending)
	if mapping.PendingPrepared(statement, &pending) == mapping.StateError {
		return errors.New(mapping.PendingError(pending))
	}
	for {
		switch mapping.PendingExecuteTask(pending) {
		case mapping.PendingStateError:
			return errors.New(mapping.PendingError(pending))
		case mapping.PendingStateResultReady:
			if mapping.ExecutePending(pending, r) == mapping.StateError {
				return errors.New(mapping.ResultError(r))
			}
			return nil
		case mapping.PendingStateNoTasksAvailable:
			time.Sleep(nap)
		}
	}
}
