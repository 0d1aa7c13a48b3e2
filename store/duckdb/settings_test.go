package duckdb

import "testing"

// TestNothingIsFetched checks that DuckDB never loads or downloads an extension
// by itself, and that the file needs none.
func TestNothingIsFetched(t *testing.T) {
	s, err := Open(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, setting := range []string{"autoinstall_known_extensions", "autoload_known_extensions"} {
		var on bool
		if err := s.db.QueryRow("SELECT current_setting('" + setting + "')").Scan(&on); err != nil || on {
			t.Errorf("%s is %v, %v", setting, on, err)
		}
	}
	var types int
	if err := s.db.QueryRow(`SELECT count(*) FROM duckdb_columns() WHERE table_name IN ('events', 'state')
AND data_type NOT IN ('VARCHAR', 'BIGINT', 'UBIGINT', 'INTEGER')`).Scan(&types); err != nil || types != 0 {
		t.Errorf("%d columns of unusual types, %v", types, err)
	}
}
