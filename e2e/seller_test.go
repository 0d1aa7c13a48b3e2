package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runSeller plays examples/course-seller on the data directory, or on a fresh
// server of its own if there is none.
func runSeller(t *testing.T, data string) string {
	t.Helper()
	for _, tool := range []string{"sh", "curl", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, err.Error())
		}
	}
	binary, err := filepath.Abs(footfall)
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join("..", "examples", "course-seller", "run.sh")
	if _, err := os.Stat(script); err != nil { // so that a change of it is a new test
		t.Fatal(err)
	}
	cmd := exec.Command("sh", script)
	cmd.Env = append(os.Environ(), "FOOTFALL="+binary, "FOOTFALL_DATA="+data)
	var out, fault bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &fault
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out.String(), fault.String())
	}
	return out.String()
}

// TestCourseSeller: the example says what comes out, and it does, to the cent
// (rules 3, 8, 11, 12, 13 and 16).
func TestCourseSeller(t *testing.T) {
	t.Parallel()
	t.Run("on a server that runs", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		s.start()
		out := runSeller(t, s.data)
		s.quiet()
		var all []struct {
			Name     string
			Balances map[string]map[string]string
		}
		s.ask(&all, "affiliate", "list", "--site", "courses.example")
		want := map[string]map[string]string{
			"Anna": {"pending": "0.00", "held": "50.00", "available": "0.00", "in_payout": "34.00", "paid": "0.00", "earned": "34.00", "disputed": "50.00", "reversed": "-8.50"},
			"Ben":  {"pending": "0.00", "held": "0.00", "available": "0.00", "in_payout": "0.00", "paid": "127.50", "earned": "127.50", "disputed": "0.00", "reversed": "-21.25"},
			"Cleo": {"pending": "0.00", "held": "0.00", "available": "-99.50", "in_payout": "99.50", "paid": "0.00", "earned": "0.00", "disputed": "0.00", "reversed": "-99.50"},
		}
		for _, a := range all {
			for state, amount := range want[a.Name] {
				if got := a.Balances["EUR"][state]; got != amount {
					t.Errorf("%s has %s %s, want %s", a.Name, got, state, amount)
				}
			}
			delete(want, a.Name)
		}
		if len(want) > 0 {
			t.Errorf("missing: %v", want)
		}
		if t.Failed() {
			t.Log(out)
		}
		var orders []struct {
			Order    string
			Verified bool
		}
		if s.ask(&orders, "order", "list", "--unattributed"); len(orders) > 0 {
			t.Errorf("nobody has the orders %v", orders)
		}
	})
	t.Run("on a fresh one", func(t *testing.T) {
		t.Parallel()
		out := runSeller(t, "")
		if !strings.Contains(out, "is paid.") || !strings.HasSuffix(strings.TrimSpace(out), "run.sh") {
			t.Errorf("the example says\n%s", out)
		}
	})
}
