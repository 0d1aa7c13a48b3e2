package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// client talks to the control door: of the running server, or of a house this
// command opens for itself.
type client struct {
	http  *http.Client
	close func() error
	own   bool // no server was running
}

func (c *call) socket() string { return filepath.Join(c.values["data"], "footfall.sock") }

// hasData refuses a data directory that is not there.
func (c *call) hasData() error {
	_, err := os.Stat(c.values["data"])
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no data directory %s; start with: footfall serve --data %[1]s, or name another with --data", c.values["data"])
	}
	return unusable(err, c.values["data"])
}

// unusable says what to do where the data directory can't be used.
func unusable(err error, dir string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("data directory: %w; run this as a user who may write to %s, or choose another with --data", err, dir)
}

// dial connects to the server on the data directory, or works on the directory
// itself where none runs.
func (c *call) dial(ctx context.Context) (*client, error) {
	if err := c.hasData(); err != nil {
		return nil, err
	}
	k := &client{close: func() error { return nil }}
	k.http = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", c.socket())
	}}}
	if name := "queue-max-age"; c.from[name] == "default" {
		c.values[name] = "0s" // as the server had it: nothing expires that it would have kept
	}
	// Silent but for what is wrong: the command's own output is what was asked for.
	log := slog.New(slog.NewTextHandler(c.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	h, err := patiently(ctx, patience, func() (*house, error) {
		if conn, err := net.Dial("unix", c.socket()); err == nil {
			return nil, conn.Close()
		}
		return openHouse(ctx, c.config, log, nil)
	})
	if err != nil {
		return nil, err
	}
	if h == nil {
		return k, nil
	}
	stop, err := h.openControl(nil)
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	k.own = true
	k.close = func() error {
		stop()
		return h.close()
	}
	return k, nil
}

// lastAnswers is how long commands under way may take once the door closes.
const lastAnswers = 5 * time.Second

// openControl serves the control door until stop is called.
func (h *house) openControl(restart func()) (stop func(), err error) {
	path := filepath.Join(h.c.values["data"], "footfall.sock")
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w (a path of at most 100 letters is needed; choose a shorter --data)", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	server := &http.Server{Handler: (&control{h, restart}).routes()}
	go server.Serve(l) //nolint: ends with Close
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), lastAnswers)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			server.Close()
		}
	}, nil
}

// do sends a request; form goes in the query string, body may be nil.
func (k *client) do(ctx context.Context, method, path string, form url.Values, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://footfall"+path+"?"+form.Encode(), body)
	if err != nil {
		return nil, err
	}
	res, err := k.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("the server went away: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		var fault struct{ Error string }
		if err := json.NewDecoder(res.Body).Decode(&fault); err != nil || fault.Error == "" {
			return nil, fmt.Errorf("the server answered %s", res.Status)
		}
		return nil, errors.New(fault.Error)
	}
	return res, nil
}

// ask sends a request and decodes the answer into out.
func (k *client) ask(ctx context.Context, method, path string, form url.Values, out any) error {
	return k.send(ctx, method, path, form, nil, out)
}

// send is ask with a body.
func (k *client) send(ctx context.Context, method, path string, form url.Values, body io.Reader, out any) error {
	res, err := k.do(ctx, method, path, form, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return json.NewDecoder(res.Body).Decode(out)
}

// once dials, asks one thing and prints the answer: as JSON or as text.
func (c *call) once(ctx context.Context, method, path string, form url.Values, out any, text func(io.Writer)) error {
	k, err := c.dial(ctx)
	if err != nil {
		return err
	}
	err = k.ask(ctx, method, path, form, out)
	if err = errors.Join(err, k.close()); err != nil {
		return err
	}
	return c.print(out, text)
}

// print writes v as JSON, or as text where that was not asked for.
func (c *call) print(v any, text func(io.Writer)) error {
	if c.json || text == nil {
		return json.NewEncoder(c.stdout).Encode(v)
	}
	text(c.stdout)
	return nil
}
