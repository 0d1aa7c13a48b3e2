package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// untilEnd waits until the server is to stop, and reports whether it is to start
// again. Where that is asked for by a signal and would fail, it goes on.
func untilEnd(ctx context.Context, log *slog.Logger, signals <-chan os.Signal, asked <-chan struct{}, served <-chan error) (restarting bool, err error) {
	for {
		select {
		case <-ctx.Done():
			return false, nil
		case err := <-served:
			return false, err
		case <-asked:
			return true, nil
		case <-signals:
			err := rehearse(ctx)
			if err == nil {
				return true, nil
			}
			log.Error("not restarted", "error", err)
		}
	}
}

// rehearsal is how long it may take to read the settings.
const rehearsal = 20 * time.Second

// rehearse has the binary that a restart would become read the settings it would
// start with. One that refuses to start must not take the place of one that runs.
func rehearse(ctx context.Context) error {
	if len(os.Args) < 2 || os.Args[1] != "serve" {
		return nil // a demo
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, rehearsal)
	defer cancel()
	said, err := exec.CommandContext(ctx, self, append([]string{"config"}, os.Args[2:]...)...).CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(said)), "\n")
		return fmt.Errorf("the server would not start again: %w: %s", err, lines[len(lines)-1])
	}
	return nil
}

// keepOpen holds the listening socket open beyond the server that listens on
// it, so that connections wait instead of being refused.
func keepOpen(l net.Listener, restarting bool) (*os.File, error) {
	tcp, ok := l.(*net.TCPListener)
	if !restarting || !ok {
		return nil, nil
	}
	return tcp.File()
}

// reexec becomes the binary that lies where this one was started from, perhaps
// a newer one, with the listening socket as systemd would hand it over.
func reexec(socket *os.File) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := syscall.Dup3(int(socket.Fd()), firstInherited, 0); err != nil && int(socket.Fd()) != firstInherited {
		return fmt.Errorf("handing over the socket: %w", err)
	}
	env := append(os.Environ(), "LISTEN_FDS=1", "LISTEN_PID="+strconv.Itoa(os.Getpid()))
	return syscall.Exec(self, os.Args, env)
}

func restart(ctx context.Context, c *call) error {
	k, err := c.dial(ctx)
	if err != nil {
		return err
	}
	var out map[string]bool
	if err := errors.Join(k.ask(ctx, "POST", "/restart", nil, &out), k.close()); err != nil {
		return err
	}
	return c.print(out, func(w io.Writer) {
		fmt.Fprintln(w, "The server finishes what is under way and starts again; its listening socket stays open.")
	})
}
