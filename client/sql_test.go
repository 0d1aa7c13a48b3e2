package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/account/accounttest"
	"footfall/client"
	"footfall/sqlapi"
)

// echo answers a query with its parameters.
type echo struct{}

func (echo) Select(_ context.Context, q sqlapi.Question, out sqlapi.Sheet) error {
	if err := out.Head([]sqlapi.Column{{Name: "page", Type: "VARCHAR"}, {Name: "n", Type: "BIGINT"}, {Name: "time", Type: "TIMESTAMP"}}); err != nil {
		return err
	}
	return out.Row([]any{q.Parameters["page"], q.Parameters["n"], time.Date(2024, 3, 1, 14, 30, 0, 0, time.UTC)})
}

// TestSQL: both clients ask, with parameters, and tell where a query is wrong.
func TestSQL(t *testing.T) {
	var m accounttest.Memory
	if _, err := m.AddSite(t.Context(), account.Site{Domain: "a.example"}); err != nil {
		t.Fatal(err)
	}
	token, _, err := m.AddKey(t.Context(), account.Key{Scopes: []account.Scope{account.SQL}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sqlapi.New(echo{}, &m, &m, sqlapi.Options{Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(server.Close)
	c := client.Client{Address: server.URL, Key: token}
	rows, err := c.SQL(t.Context(), client.SQL{Query: "SELECT page FROM PageViewsTable WHERE page = $page", Params: map[string]any{"page": "/a", "n": 7}})
	if want := `[["/a",7,"2024-03-01 14:30:00.000"]]`; err != nil || spelled(t, rows.Rows) != want || len(rows.Columns) != 3 || rows.Columns[1].Type != "BIGINT" {
		t.Errorf("%+v, %v, want %s", rows, err, want)
	}
	const wrong = "SHOW\n  TRIGGERS"
	var refused *client.Error
	if _, err := c.SQL(t.Context(), client.SQL{Query: wrong}); !errors.As(err, &refused) || refused.Status != 400 || refused.Line != 2 || refused.Column != 3 {
		t.Errorf("a wrong query: %+v", refused)
	}
	script := fmt.Sprintf(`const { Footfall } = await import(process.cwd() + '/footfall.js')
const footfall = new Footfall(...process.argv.slice(1))
const told = await footfall.sql('SELECT 1', { page: '/b', n: 8 })
const fault = await footfall.sql(%q).catch((err) => err)
console.log(JSON.stringify([told.rows, fault.status, fault.line, fault.column]))`, wrong)
	out, err := exec.CommandContext(t.Context(), "node", "--input-type=module", "-e", script, c.Address, c.Key).CombinedOutput()
	if want := `[[["/b",8,"2024-03-01 14:30:00.000"]],400,2,3]`; err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
}

func spelled(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
