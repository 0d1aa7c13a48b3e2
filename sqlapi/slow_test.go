package sqlapi

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"footfall/account"
)

// endless answers with rows until nobody takes them.
type endless chan error

func (e endless) Select(_ context.Context, _ Question, out Sheet) error {
	err := out.Head([]Column{{"a", "VARCHAR"}})
	for err == nil {
		err = out.Row([]any{"a text that fills what lies between server and reader"})
	}
	e <- err
	return err
}

func (endless) Key(context.Context, string) (account.Key, error) {
	return account.Key{Scopes: []account.Scope{account.SQL}}, nil
}

func (endless) Sites(context.Context) ([]account.Site, error) {
	return []account.Site{{ID: "a", Domain: "a.example"}}, nil
}

// TestWhoDoesNotRead: a query does not wait for a reader who takes nothing.
func TestWhoDoesNotRead(t *testing.T) {
	ended := make(endless, 1)
	server := httptest.NewServer(New(ended, ended, ended, Options{Timeout: time.Second - patience})) // a deadline a second away
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const body = `{"query": "SELECT 1", "format": "csv"}`
	if _, err := fmt.Fprintf(conn, "POST /v1/sql HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ffk_x\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("the query still waits for its reader")
		conn.Close()
		<-ended
	}
}
