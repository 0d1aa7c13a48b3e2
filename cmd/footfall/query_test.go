package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"footfall/account"
	"footfall/api"
	"footfall/event"
)

// terminal is one to write to, and what a person reads there.
func terminal(t *testing.T) (shown *os.File, read *bufio.Scanner) {
	t.Helper()
	near, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("NOT CHECKED: there are no terminals: %v", err)
	}
	var number, locked int32
	for request, at := range map[uintptr]*int32{syscall.TIOCSPTLCK: &locked, syscall.TIOCGPTN: &number} {
		if _, _, fault := syscall.Syscall(syscall.SYS_IOCTL, near.Fd(), request, uintptr(unsafe.Pointer(at))); fault != 0 {
			t.Fatal(fault)
		}
	}
	far, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	must(t, err)
	t.Cleanup(func() { near.Close(); far.Close() })
	return far, bufio.NewScanner(near)
}

// orders is a home with a site that sold something on two days of May 2026.
func orders(t *testing.T) (h *home, site string) {
	h = newHome(t)
	var added account.Site
	if fault, code := h.typed(&added, "site", "add", "shop.example", "--currency", "EUR"); code != 0 {
		t.Fatal(fault)
	}
	at := events("e", 6, true)
	for i := range at {
		at[i].Site = added.ID
		at[i].Time = at[i].Time.Add(time.Duration(i%2) * 24 * time.Hour)
		at[i].Original, at[i].Country = at[i].Time, []string{"DE", "AT", "DE"}[i%3]
		if i < 2 {
			at[i].Kind, at[i].Name, at[i].Properties = event.Track, "Order Completed", `{"total":12.5}`
		}
	}
	at[5].Path = "/\x1b[31m"
	h.publish(at...)
	return h, added.ID
}

// TestQueryTable: a person at a terminal gets a table, a script the JSON that
// HTTP gives.
func TestQueryTable(t *testing.T) {
	h, _ := orders(t)
	shown, read := terminal(t)
	for _, x := range []struct {
		args, want string
	}{
		{"--metric Revenue", "site          Revenue EUR|shop.example        25.00||Revenue EUR as of "},
		{"--metric Revenue --step day", "time        Revenue EUR|2026-05-01        12.50|2026-05-02        12.50||Revenue EUR as of "},
		{"--by country --step day", "time        DE  AT|2026-05-01   1   1|2026-05-02   2   0||PageViews as of "},
		{"--by page", "page    PageViews|/e              3|/�[31m          1||PageViews as of "},
	} {
		args := append([]string{"query", "--data", h.dir, "--from", "2026-05-01", "--to", "2026-05-03"}, strings.Fields(x.args)...)
		var fault bytes.Buffer
		if code := run(t.Context(), args, shown, &fault); code != 0 {
			t.Fatal(fault.String())
		}
		fmt.Fprintln(shown, "end")
		var lines []string
		for read.Scan() && read.Text() != "end" {
			lines = append(lines, read.Text())
		}
		if got := strings.Join(lines, "|"); !strings.HasPrefix(got, x.want) {
			t.Errorf("query %s shows\n%s\nwant\n%s", x.args, got, x.want)
		}
		for _, more := range [][]string{nil, {"--json"}} {
			var out bytes.Buffer
			var a api.Answer
			if code := run(t.Context(), append(args, more...), &out, &fault); code != 0 || json.Unmarshal(out.Bytes(), &a) != nil || len(a.Dataset) == 0 {
				t.Errorf("query %s in a pipe with %v: %d %s", x.args, more, code, out.String())
			}
		}
	}
	var out bytes.Buffer
	var many api.Answer
	for i := range maxColumns + 1 {
		for day := range 2 {
			many.Dataset = append(many.Dataset, api.Point{Series: fmt.Sprint("/", i), Timestamp: fmt.Sprintf("2026-05-0%dT10:15:00Z", day+1), Value: new(json.Number(fmt.Sprint(i)))})
		}
	}
	printAnswer(&out, "PageViews", "page", many)
	if want := "page  time              PageViews\n/0    2026-05-01 10:15          0\n"; !strings.HasPrefix(out.String(), want) {
		t.Errorf("many series are shown as\n%s", out.String())
	}
}

// TestQueryFilters: each dimension is a flag, several times if need be, and "" is a value.
func TestQueryFilters(t *testing.T) {
	h, site := orders(t)
	for args, want := range map[string]string{"--country DE": "3", "--country DE --page /e": "2", "--country=": "0", "--source=": "4", "--metric Revenue --country AT": "12.5"} {
		var a api.Answer
		fault, code := h.typed(&a, append([]string{"query", "--site", site, "--from", "2026-05-01", "--to", "2026-05-03"}, strings.Fields(args)...)...)
		if code != 0 || len(a.Dataset) != 1 || a.Dataset[0].Value.String() != want {
			t.Errorf("query %s: %d %s %+v, want %s", args, code, fault, a.Dataset, want)
		}
	}
}

// TestNoTime: days between which there are none are no empty answer.
func TestNoTime(t *testing.T) {
	h, site := orders(t)
	for _, command := range []string{"query", "export", "daily", "reconcile"} {
		if fault, code := h.typed(nil, command, "--site", site, "--from", "2026-05-02", "--to", "2026-05-02"); code != 1 || !strings.Contains(fault, "from 2026-05-02 to 2026-05-02 is no time") {
			t.Errorf("%s of no day: %d %s", command, code, fault)
		}
		if fault, code := h.typed(nil, command, "--site", site, "--from", "2026-05-02"); code != 0 {
			t.Errorf("%s without --to: %d %s", command, code, fault)
		}
	}
}
