package postgrestest

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
)

// Wire stands between a client and the server, and can be cut.
type Wire struct {
	listener net.Listener
	to       string

	mu    sync.Mutex // guards what follows
	ends  []net.Conn
	text  string // that a connection is cut at; "" none
	after bool   // the server gets the text, and its answer is lost
	cuts  int
}

// Wire lays a wire to the server, until the test ends.
func (s *Server) Wire(t testing.TB) *Wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &Wire{listener: l, to: s.at()}
	t.Cleanup(func() {
		l.Close()
		w.Cut()
	})
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go w.carry(client)
		}
	}()
	return w
}

// URL is as Server.URL, by the wire.
func (w *Wire) URL(schema string) string {
	return address(w.listener.Addr().String(), "postgres", schema)
}

// Cut cuts all connections; new ones are made again.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, end := range w.ends {
		end.Close()
	}
	w.ends = nil
}

// CutAt cuts the next connection whose client says the text, once: before the
// server gets it, or after, so that its answer is lost.
func (w *Wire) CutAt(text string, after bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text, w.after = text, after
}

// Cuts counts what CutAt has cut.
func (w *Wire) Cuts() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cuts
}

// carry carries both directions of a connection.
func (w *Wire) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer server.Close()
	w.mu.Lock()
	w.ends = append(w.ends, client, server)
	w.mu.Unlock()
	go func() {
		_, _ = io.Copy(client, server)
		client.Close()
	}()
	said := make([]byte, 1<<16)
	for {
		n, err := client.Read(said)
		if err != nil {
			return
		}
		cut, after := w.cutNow(said[:n])
		if cut && !after {
			return
		}
		if cut {
			client.Close() // and with it the answer
		}
		if _, err := server.Write(said[:n]); err != nil {
			return
		}
		if cut {
			return
		}
	}
}

// cutNow reports whether the connection is cut at what the client says.
func (w *Wire) cutNow(said []byte) (cut, after bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.text == "" || !bytes.Contains(said, []byte(w.text)) {
		return false, false
	}
	w.text = ""
	w.cuts++
	return true, w.after
}
